import ModelGraph
import Tensors

/// Grids of 4-bit codes.
extension CodeGrid {
    /// Numbers scale · (multiplier · code), with codes in −8…7 and a multiplier for each 32 columns of
    /// a row.
    ///
    /// A group's multiplier has the sign with which the weight of largest magnitude gets the code −8,
    /// or −7 where that is better. Integers in place of a float scale for every group keep products
    /// exact in int32 ("Integer Scale", Li et al. 2024, arXiv 2405.14597). They reach to 15 where that
    /// costs hardly anything: weights of 16 rows then fit eight bits, and kernels multiply many rows
    /// of activations with them nearly as fast as with 8-bit weights. Elsewhere they reach to 127, or
    /// to less in rows of more than 8288 columns.
    ///
    /// - Parameters:
    ///   - weights: `[rows, columns]`
    ///   - importances: Of the columns: what the square of an error costs. Groups then cover as much of
    ///     their range as pays (`ClipSearch`); nil covers it whole.
    static func groups(
        _ weights: [Float], columnCount: Int, rowCount: Int = 0, importances: [Float]?
    ) -> CodeGrid {
        let rowCount = columnCount == 0 ? rowCount : weights.count / columnCount
        var grid = CodeGrid(limit: 7, lowest: -8, columnCount: columnCount)
        let matrix = GroupedMatrix(
            weights: weights, columnCount: columnCount, importances: importances)
        let blocks = (rowCount + narrowRows - 1) / narrowRows
        var found = [[GroupMultiples]](repeating: [], count: blocks)
        found.withUnsafeMutableBufferPointer { found in
            nonisolated(unsafe) let found = found
            Parallel.forEachRange(of: blocks, grain: 1) { range in
                for block in range {
                    let first = block * narrowRows
                    found[block] = matrix.multiples(first..<min(rowCount, first + narrowRows))
                }
            }
        }
        grid.scales = found.flatMap { $0.map(\.scale) }
        grid.multipliers = found.flatMap { $0.flatMap(\.multipliers) }
        return grid
    }

    /// Products with 8-bit activations stay in int32: 255 · 8 · multiplier · columns < 2³¹.
    static func largestMultiplier(columnCount: Int) -> Int {
        max(1, min(127, Int(Int32.max) / (255 * 8) / max(1, columnCount)))
    }

    /// Rows whose weights kernels take together.
    private static let narrowRows = 16
}

/// The scale and the multipliers of a row.
private struct GroupMultiples {
    var scale: Float
    var multipliers: [Int8]
    /// The squared error of the nearest codes.
    var error: Double
}

/// A matrix whose columns belong together in groups.
private struct GroupedMatrix {
    /// The largest multiplier whose products with codes fit eight bits.
    static let narrow = 15
    /// What narrow multipliers may cost, as a share of the squared error of wide ones.
    static let narrowError = 1.08
    /// Shares of the scale with which they reach the widest group of a row; with smaller ones they
    /// are finer for all others.
    static let narrowShares: [Float] = [1, 0.94, 0.88]

    var weights: [Float]
    var columnCount: Int
    var importances: [Float]?

    /// The multiples of rows that are narrow together, or wide.
    func multiples(_ rows: Range<Int>) -> [GroupMultiples] {
        let steps = rows.map { row in
            (0..<QuantizedRows.groupCount(columnCount)).map { step(row: row, group: $0) }
        }
        let largest = CodeGrid.largestMultiplier(columnCount: columnCount)
        let shares = importances == nil ? [1] : Self.narrowShares
        let narrow = zip(rows, steps).map { row, steps in
            shares.map { share in
                multiples(
                    row: row, steps: steps, largest: min(Self.narrow, largest), share: share)
            }.min { $0.error < $1.error }!
        }
        guard largest > Self.narrow else { return narrow }
        let wide = zip(rows, steps).map {
            multiples(row: $0, steps: $1, largest: largest, share: 1)
        }
        let isNarrowEnough =
            narrow.reduce(0) { $0 + $1.error }
            <= Self.narrowError * wide.reduce(0) { $0 + $1.error }
        return isNarrowEnough ? narrow : wide
    }

    /// - Parameters:
    ///   - steps: Of the groups, as they would be best.
    ///   - share: Of the scale with which `largest` reaches the widest of them.
    private func multiples(
        row: Int, steps: [Float], largest: Int, share: Float
    ) -> GroupMultiples {
        let widest = steps.reduce(0) { max($0, abs($1)) }
        let scale = CodeGrid.usable(share * widest / Float(largest))
        var found = GroupMultiples(
            scale: scale, multipliers: [Int8](repeating: 0, count: steps.count), error: 0)
        guard scale > 0 else { return found }
        for (group, step) in steps.enumerated() where step != 0 {
            let nearest = (abs(step) / scale).rounded(.toNearestOrEven)
            let middle = min(largest, max(1, Int(nearest)))
            var best = (error: Float.infinity, multiplier: 0)
            for magnitude in max(1, middle - 1)...min(largest, middle + 1) {
                let multiplier = step > 0 ? magnitude : -magnitude
                let error = error(row: row, group: group, step: scale * Float(multiplier))
                if error < best.error { best = (error, multiplier) }
            }
            found.multipliers[group] = Int8(best.multiplier)
            found.error += Double(best.error)
        }
        return found
    }

    /// The distance of neighbouring numbers of a group, negative where the codes are turned round.
    private func step(row: Int, group: Int) -> Float {
        var (low, high): (Float, Float) = (0, 0)
        for column in columns(group) {
            let weight = weights[row * columnCount + column]
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
                let error = error(row: row, group: group, step: step)
                if error < best.error { best = (error, step) }
            }
        }
        return best.step
    }

    /// The weighted sum of the squared errors of the nearest codes.
    private func error(row: Int, group: Int, step: Float) -> Float {
        // 1.5 · 2²³ leaves no room for a fraction: adding it rounds to the nearest, ties to even.
        let whole: Float = 0x1.8p23
        var sum: Float = 0
        for column in columns(group) {
            let weight = weights[row * columnCount + column]
            let code = (max(-8, min(7, weight / step)) + whole) - whole
            let difference = weight - step * code
            sum += (importances?[column] ?? 1) * difference * difference
        }
        return sum
    }

    private func columns(_ group: Int) -> Range<Int> {
        let first = group * QuantizedRows.groupSize
        return first..<min(columnCount, first + QuantizedRows.groupSize)
    }
}
