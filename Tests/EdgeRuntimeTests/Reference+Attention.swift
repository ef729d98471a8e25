import EdgeFormat
import Foundation

extension Reference {
    /// Attention as its definition says, with a full row of scores.
    ///
    /// For 8-bit arithmetic the queries, keys and values are those that their codes stand for; the probabilities are not
    /// quantized, and `tolerances` says how much their codes may change the result.
    func attention(
        _ query: ReferenceValue, _ key: ReferenceValue, _ value: ReferenceValue,
        _ shape: AttentionShape
    ) -> ReferenceValue {
        let isQuantized = shape.arithmetic == .int8
        let group = shape.headCount / max(1, shape.keyValueHeadCount)
        var result = ReferenceValue(
            rows: query.rows, columns: shape.headCount * shape.valueSize, numbers: [])
        result.numbers = Array(repeating: 0, count: result.rows * result.columns)
        result.tolerances = result.numbers
        func head(_ x: ReferenceValue, _ row: Int, _ head: Int, _ size: Int) -> Head {
            let start = row * x.columns + head * size
            let numbers = Array(x.numbers[start..<start + size])
            return isQuantized ? Head(quantizing: numbers) : Head(numbers)
        }
        for number in 0..<shape.headCount {
            let keys = (0..<key.rows).map { head(key, $0, number / group, shape.headSize) }
            let values = (0..<value.rows).map { head(value, $0, number / group, shape.valueSize) }
            for row in 0..<query.rows {
                // The last query stands at the last key.
                let place = key.rows - query.rows + row
                let end = shape.isCausal ? place + 1 : key.rows
                let first = shape.window.map { max(0, end - $0) } ?? 0
                let q = head(query, row, number, shape.headSize)
                let scores = (first..<end).map { key in
                    var score =
                        zip(q.numbers, keys[key].numbers).reduce(0) { $0 + $1.0 * $1.1 }
                        * Double(shape.scale)
                    if let cap = shape.scoreCap {
                        score = Double(cap) * tanh(score / Double(cap))
                    }
                    if let slopes = shape.slopes {
                        score += Double(container.numbers[slopes][number]) * Double(key - place)
                    }
                    return score
                }
                let values = Array(values[first..<end])
                let largest = scores.max() ?? 0
                let weights = scores.map { exp($0 - largest) }
                let total = weights.reduce(0, +)
                for column in 0..<shape.valueSize {
                    let index = row * result.columns + number * shape.valueSize + column
                    for (weight, value) in zip(weights, values) {
                        result.numbers[index] += weight * value.numbers[column] / total
                    }
                    guard isQuantized else { continue }
                    result.tolerances[index] = Self.tolerance(weights, values, column) / total
                }
            }
        }
        return result
    }

    /// Half a step of the codes of the probabilities, over the codes of the values, for each block
    /// of 64 keys.
    private static func tolerance(_ weights: [Double], _ values: [Head], _ column: Int) -> Double {
        var sum = 0.0
        for first in stride(from: 0, to: weights.count, by: 64) {
            let block = first..<min(weights.count, first + 64)
            let largest = block.map { weights[$0] * values[$0].scale }.max() ?? 0
            let codes = block.reduce(0.0) { $0 + abs(values[$1].codes[column]) }
            sum += largest / 510 * codes
        }
        return sum
    }
}

/// One head of one token.
private struct Head {
    var numbers: [Double]
    var codes: [Double] = []
    var scale = 0.0

    init(_ numbers: [Double]) {
        self.numbers = numbers
    }

    /// Symmetric codes −127…127 by max|x|; every step rounds to binary32.
    init(quantizing numbers: [Double]) {
        let entries = numbers.map { Float($0) }
        let largest = entries.map { abs($0) }.max() ?? 0
        let isEmpty = largest < Float(sign: .plus, exponent: -100, significand: 1)
        let inverse = isEmpty ? 0 : 127 / largest
        scale = isEmpty ? 0 : Double(largest / 127)
        codes = entries.map {
            Double(max(-127, min(127, ($0 * inverse).rounded(.toNearestOrEven))))
        }
        self.numbers = []
        self.numbers = codes.map { $0 * scale }
    }
}
