import CElementaryFunctions
import Glibc
import Tensors

extension Attention {
    /// The keys that a query sees.
    ///
    /// - Parameter place: Of the query among the keys.
    private func visibleKeys(place: Int, keyCount: Int) -> Range<Int> {
        guard mask == .causal else { return 0..<keyCount }
        let end = max(0, min(keyCount, place + 1))
        guard let window, window <= place else { return 0..<end }
        return min(end, place - window + 1)..<end
    }

    /// The keys that one of some queries sees.
    func visibleKeys(ofQueriesAt places: Range<Int>, keyCount: Int) -> Range<Int> {
        guard let first = places.first, let last = places.last else { return 0..<0 }
        // Neither bound ever falls from one query to the next.
        let start = visibleKeys(place: first, keyCount: keyCount).lowerBound
        let end = visibleKeys(place: last, keyCount: keyCount).upperBound
        return start..<max(start, end)
    }

    /// What share each query of one head has in each of some keys, `[places, keys]`; zero for those
    /// that it does not see.
    ///
    /// - Parameters:
    ///   - query: `[places, headSize]`
    ///   - key: `[keys, headSize]`
    ///   - slope: Of the head; nil for 0.
    ///   - places: Of the queries among all keys.
    ///   - keys: All that one of the queries sees.
    ///   - keyCount: Of all keys.
    func probabilities(
        _ query: MatrixProduct.MatrixView, _ key: MatrixProduct.MatrixView, slope: Float?,
        places: Range<Int>, keys: Range<Int>, keyCount: Int,
        into scores: UnsafeMutableBufferPointer<Float>
    ) {
        guard let start = scores.baseAddress, !keys.isEmpty else { return }
        MatrixProduct.multiply(
            query, key, transposed: true, into: start, stride: keys.count, rows: places.count,
            columns: keys.count, depth: headSize, alpha: scale)
        if mask == .none, scoreCap == nil, slope == nil {
            return atn_softmax(start, places.count, keys.count, keys.count)
        }
        for (index, place) in places.enumerated() {
            let row = UnsafeMutableBufferPointer(
                rebasing: scores[index * keys.count..<(index + 1) * keys.count])
            let visible = visibleKeys(place: place, keyCount: keyCount)
            let first = visible.lowerBound - keys.lowerBound
            let end = visible.upperBound - keys.lowerBound
            if let scoreCap {
                for key in first..<end { row[key] = tanhf(row[key] / scoreCap) * scoreCap }
            }
            if let slope {
                for key in first..<end {
                    row[key] += slope * Float(key + keys.lowerBound - place)
                }
            }
            Self.applySoftmax(row, visible: first..<end)
        }
    }

    private static func applySoftmax(
        _ row: UnsafeMutableBufferPointer<Float>, visible: Range<Int>
    ) {
        if let start = row.baseAddress {
            atn_softmax(start + visible.lowerBound, 1, visible.count, visible.count)
        }
        for index in 0..<visible.lowerBound { row[index] = 0 }
        for index in visible.upperBound..<row.count { row[index] = 0 }
    }
}
