import ModelGraph
import Tensors

/// Grids of 4-bit codes.
extension CodeGrid {
    /// Numbers scale · (multiplier · code), with codes in −8…7 and a multiplier for each 32 columns of
    /// a row.
    ///
    /// A group's multiplier has the sign with which the weight of largest magnitude gets the code −8,
    /// or −7 where that is better. Integers in place of a float scale for every group keep products
    /// exact in int32 ("Integer Scale", Li et al. 2024, arXiv 2405.14597); they round a group's step by
    /// at most half of the 127th part of the row's widest, or of a coarser part in rows of more than
    /// 8288 columns.
    ///
    /// - Parameters:
    ///   - weights: `[rows, columns]`
    ///   - importances: Of the columns: what the square of an error costs. Groups then cover as much of
    ///     their range as pays (`ClipSearch`); nil covers it whole.
    static func groups(
        _ weights: [Float], columnCount: Int, rowCount: Int = 0, importances: [Float]?
    ) -> CodeGrid {
        let rowCount = columnCount == 0 ? rowCount : weights.count / columnCount
        let groupCount = QuantizedRows.groupCount(columnCount)
        var grid = CodeGrid(limit: 7, lowest: -8, columnCount: columnCount)
        grid.scales = [Float](repeating: 0, count: rowCount)
        var multipliers = [Int8](repeating: 0, count: rowCount * groupCount)
        let largest = largestMultiplier(columnCount: columnCount)
        grid.scales.withUnsafeMutableBufferPointer { scales in
            multipliers.withUnsafeMutableBufferPointer { multipliers in
                nonisolated(unsafe) let (scales, multipliers) = (scales, multipliers)
                Parallel.forEachRange(of: rowCount, grain: 16) { rows in
                    var steps = [Float](repeating: 0, count: groupCount)
                    for row in rows {
                        for group in 0..<groupCount {
                            let first = group * QuantizedRows.groupSize
                            let columns =
                                first..<min(columnCount, first + QuantizedRows.groupSize)
                            steps[group] = step(
                                weights[
                                    row * columnCount + columns.lowerBound..<row * columnCount
                                        + columns.upperBound],
                                importances: importances?[columns])
                        }
                        let widest = steps.reduce(0) { max($0, abs($1)) }
                        let scale = usable(widest / largest)
                        scales[row] = scale
                        guard scale > 0 else { continue }
                        for (group, step) in steps.enumerated() where step != 0 {
                            let multiplier = (step / scale).rounded(.toNearestOrEven)
                            multipliers[row * groupCount + group] = Int8(
                                multiplier != 0 ? multiplier : step > 0 ? 1 : -1)
                        }
                    }
                }
            }
        }
        grid.multipliers = multipliers
        return grid
    }

    /// Products with 8-bit activations stay in int32: 255 · 8 · multiplier · columns < 2³¹.
    static func largestMultiplier(columnCount: Int) -> Float {
        Float(max(1, min(127, Int(Int32.max) / (255 * 8) / max(1, columnCount))))
    }

    /// The distance of neighbouring numbers of a group, negative where the codes are turned round.
    private static func step(
        _ weights: ArraySlice<Float>, importances: ArraySlice<Float>?
    ) -> Float {
        var (low, high): (Float, Float) = (0, 0)
        for weight in weights {
            low = min(low, weight)
            high = max(high, weight)
        }
        guard high > low else { return 0 }
        // The end that is farther out gets −8 or −7.
        let turned: Float = -low > high ? 1 : -1
        let farthest = max(-low, high)
        var best = (error: Float.infinity, step: Float(0))
        for share in importances == nil ? [1] : ClipSearch.shares {
            for step in [turned * share * farthest / 8, turned * share * farthest / 7] {
                var error: Float = 0
                for (index, weight) in weights.enumerated() {
                    let code = max(-8, min(7, (weight / step).rounded(.toNearestOrEven)))
                    let difference = weight - step * code
                    let importance =
                        importances.map { $0[$0.startIndex + index] } ?? 1
                    error += importance * difference * difference
                }
                if error < best.error { best = (error, step) }
            }
        }
        return best.step
    }
}
