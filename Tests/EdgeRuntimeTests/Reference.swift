import EdgeFormat
import Foundation

/// What a value of a program holds, computed the plain way.
struct ReferenceValue {
    var rows: Int
    var columns: Int
    var numbers: [Double]
    /// Codes 0…255, scales and zero points, where the value is one of codes.
    var codes: [Int32] = []
    var scales: [Float] = []
    var zeroPoints: [Int32] = []
    /// How far a correct result may be from `numbers`.
    var tolerances: [Double] = []
}

/// Computes a program in double precision, except for what is defined exactly in binary32:
/// quantization, and products of codes.
struct Reference {
    let container: TestContainer
    let tokenIDs: [Int32]
    let typeIDs: [Int32]
    private(set) var values: [ReferenceValue?] = []

    init(_ container: TestContainer, tokenIDs: [Int32], typeIDs: [Int32] = []) {
        self.container = container
        self.tokenIDs = tokenIDs
        self.typeIDs = typeIDs
        values = Array(repeating: nil, count: container.program.values.count)
        for instruction in container.program.instructions {
            values[instruction.output] = compute(instruction)
        }
    }

    subscript(value: Int) -> ReferenceValue {
        guard let value = values[value] else { preconditionFailure("values are written in order") }
        return value
    }

    private func compute(_ instruction: Instruction) -> ReferenceValue {
        switch instruction {
        case .embed(let output, let terms):
            return embed(container.program.values[output].columnCount, terms)
        case .linear(let input, let residual, _, let weight, let bias, let activation):
            let x = self[input]
            return container.codes[weight] == nil
                ? linearFloat(x, weight, bias, residual, activation)
                : linearCodes(x, weight, bias, residual, activation)
        case .attention(let query, let key, let value, _, let shape):
            return attention(self[query], self[key], self[value], shape)
        case .layerNorm(let input, let residual, _, let gamma, let beta, let epsilon):
            return layerNorm(self[input], residual, gamma, beta, epsilon)
        case .activate(let input, _, let activation):
            return map(self[input]) { Self.apply(activation, $0) }
        case .add(let left, let right, _):
            var sum = self[left]
            for (index, number) in self[right].numbers.enumerated() {
                sum.numbers[index] = Double(Float(sum.numbers[index]) + Float(number))
            }
            return sum
        case .pool(let input, _, let pooling):
            return pool(self[input], pooling)
        case .normalizeL2(let input, _, let epsilon):
            return normalize(self[input], epsilon)
        case .quantize(let input, _, let multipliers, let range):
            return quantize(self[input], multipliers.map { container.numbers[$0] }, range)
        case .angles(_, let frequencies, let factor):
            return angles(container.numbers[frequencies], factor)
        case .rotate(let input, let angles, _, let headSize, let pairing):
            return rotate(self[input], self[angles], headSize, pairing)
        case .rmsNorm(let input, _, let gamma, let epsilon):
            return rmsNorm(self[input], container.numbers[gamma], epsilon)
        case .multiply(let left, let right, _):
            var product = self[left]
            for (index, number) in self[right].numbers.enumerated() {
                product.numbers[index] *= number
            }
            return product
        case .scale(let input, _, let factor):
            return map(self[input]) { $0 * Double(factor) }
        }
    }

    // MARK: - Rows

    private func embed(_ columns: Int, _ terms: [EmbedTerm]) -> ReferenceValue {
        var result = ReferenceValue(rows: tokenIDs.count, columns: columns, numbers: [])
        for position in tokenIDs.indices {
            for column in 0..<columns {
                var sum: Float?
                for term in terms {
                    let row: Int
                    switch term.index {
                    case .tokenIDs: row = Int(tokenIDs[position]) + term.offset
                    case .typeIDs:
                        row = (typeIDs.isEmpty ? 0 : Int(typeIDs[position])) + term.offset
                    case .positions: row = position + term.offset
                    case .keptTokens:
                        let kept = container.keptTokens[term.keptTokens ?? -1] ?? []
                        row = kept.firstIndex(of: Int(tokenIDs[position])) ?? term.offset
                    }
                    let number = container.numbers[term.table][row * columns + column]
                    sum = sum.map { $0 + number } ?? number
                }
                result.numbers.append(Double(sum ?? 0))
            }
        }
        return result
    }

    private func map(_ x: ReferenceValue, _ body: (Double) -> Double) -> ReferenceValue {
        ReferenceValue(rows: x.rows, columns: x.columns, numbers: x.numbers.map(body))
    }

    static func apply(_ activation: ActivationCode, _ x: Double) -> Double {
        switch activation {
        case .none: x
        case .relu: max(0, x)
        case .gelu: x * 0.5 * erfc(-x / 2.0.squareRoot())
        case .geluTanh:
            0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .silu: x / (1 + exp(-x))
        case .tanh: tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        }
    }

    private func layerNorm(
        _ input: ReferenceValue, _ residual: Int?, _ gamma: Int, _ beta: Int?, _ epsilon: Float
    ) -> ReferenceValue {
        var x = input
        if let residual {
            for (index, number) in self[residual].numbers.enumerated() {
                x.numbers[index] += number
            }
        }
        let columns = x.columns
        for row in 0..<x.rows {
            let range = row * columns..<(row + 1) * columns
            let mean = x.numbers[range].reduce(0, +) / Double(columns)
            let variance =
                x.numbers[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
            for column in 0..<columns {
                let unit =
                    (x.numbers[row * columns + column] - mean)
                    / (variance + Double(epsilon)).squareRoot()
                x.numbers[row * columns + column] =
                    unit * Double(container.numbers[gamma][column])
                    + Double(beta.map { container.numbers[$0][column] } ?? 0)
            }
        }
        return x
    }

    private func pool(_ x: ReferenceValue, _ pooling: PoolCode) -> ReferenceValue {
        let numbers = (0..<x.columns).map { column in
            let entries = (0..<x.rows).map { x.numbers[$0 * x.columns + column] }
            switch pooling {
            case .firstRow: return entries[0]
            case .lastRow: return entries[x.rows - 1]
            case .mean: return entries.reduce(0, +) / Double(x.rows)
            case .maximum: return entries.max() ?? 0
            }
        }
        return ReferenceValue(rows: 1, columns: x.columns, numbers: numbers)
    }

    private func normalize(_ x: ReferenceValue, _ epsilon: Float) -> ReferenceValue {
        var result = x
        for row in 0..<x.rows {
            let range = row * x.columns..<(row + 1) * x.columns
            let norm = x.numbers[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
            for index in range { result.numbers[index] /= max(norm, Double(epsilon)) }
        }
        return result
    }

    // MARK: - Of decoders

    private func angles(_ frequencies: [Float], _ factor: Float) -> ReferenceValue {
        let count = frequencies.count
        var result = ReferenceValue(rows: tokenIDs.count, columns: 2 * count, numbers: [])
        for position in tokenIDs.indices {
            let angles = frequencies.map { Double(Float(position) * $0) }
            result.numbers += angles.map { cos($0) * Double(factor) }
            result.numbers += angles.map { sin($0) * Double(factor) }
        }
        return result
    }

    private func rotate(
        _ x: ReferenceValue, _ angles: ReferenceValue, _ headSize: Int, _ pairing: RotaryPairing
    ) -> ReferenceValue {
        let count = angles.columns / 2
        var result = x
        for row in 0..<x.rows {
            for head in 0..<x.columns / headSize {
                let first = row * x.columns + head * headSize
                for i in 0..<count {
                    let a = first + (pairing == .halves ? i : 2 * i)
                    let b = first + (pairing == .halves ? i + count : 2 * i + 1)
                    let cosine = angles.numbers[row * 2 * count + i]
                    let sine = angles.numbers[(2 * row + 1) * count + i]
                    result.numbers[a] = x.numbers[a] * cosine - x.numbers[b] * sine
                    result.numbers[b] = x.numbers[a] * sine + x.numbers[b] * cosine
                }
            }
        }
        return result
    }

    private func rmsNorm(
        _ x: ReferenceValue, _ gamma: [Float], _ epsilon: Float
    ) -> ReferenceValue {
        var result = x
        for first in stride(from: 0, to: x.numbers.count, by: gamma.count) {
            let group = first..<first + gamma.count
            let mean = x.numbers[group].reduce(0) { $0 + $1 * $1 } / Double(gamma.count)
            for index in group {
                result.numbers[index] *=
                    Double(gamma[index - first]) / (mean + Double(epsilon)).squareRoot()
            }
        }
        return result
    }

    // MARK: - Codes

    /// numerics.md of the format: lo and hi include 0; every step rounds to binary32.
    private func quantize(
        _ x: ReferenceValue, _ multipliers: [Float]?, _ known: CodeRange?
    ) -> ReferenceValue {
        var result = x
        result.numbers = []
        for row in 0..<x.rows {
            let entries = (0..<x.columns).map { column in
                let number = Float(x.numbers[row * x.columns + column])
                return multipliers.map { number * $0[column] } ?? number
            }
            let low = known?.low ?? entries.reduce(0, min)
            let high = known?.high ?? entries.reduce(0, max)
            let range = high - low
            let isEmpty = range < Float(sign: .plus, exponent: -100, significand: 1)
            let scale = isEmpty ? 0 : range / 255
            let inverse = isEmpty ? 0 : 255 / range
            let zero = Int32((-low * inverse).rounded(.toNearestOrEven))
            for entry in entries {
                let inside = max(low, min(high, entry))
                let code = Int32((inside * inverse).rounded(.toNearestOrEven)) + zero
                result.codes.append(max(0, min(255, code)))
            }
            result.scales.append(scale)
            result.zeroPoints.append(zero)
        }
        return result
    }

    private func linearCodes(
        _ x: ReferenceValue, _ weight: Int, _ bias: Int?, _ residual: Int?,
        _ activation: ActivationCode
    ) -> ReferenceValue {
        guard let matrix = container.codes[weight] else { preconditionFailure("a matrix of codes") }
        let outputs = matrix.scales.count
        var result = ReferenceValue(rows: x.rows, columns: outputs, numbers: [])
        for row in 0..<x.rows {
            for output in 0..<outputs {
                var sum: Int32 = 0
                for column in 0..<x.columns {
                    sum +=
                        (x.codes[row * x.columns + column] - x.zeroPoints[row])
                        * Int32(matrix.codes[output * x.columns + column])
                }
                var y = Float(sum) * (x.scales[row] * matrix.scales[output])
                if let bias { y += container.numbers[bias][output] }
                let active = Float(Self.apply(activation, Double(y)))
                let added = residual.map { Float(self[$0].numbers[row * outputs + output]) }
                result.numbers.append(Double(added.map { active + $0 } ?? active))
            }
        }
        return result
    }

    private func linearFloat(
        _ x: ReferenceValue, _ weight: Int, _ bias: Int?, _ residual: Int?,
        _ activation: ActivationCode
    ) -> ReferenceValue {
        let outputs = container.tensors[weight].rowCount
        var result = ReferenceValue(rows: x.rows, columns: outputs, numbers: [])
        for row in 0..<x.rows {
            for output in 0..<outputs {
                var sum = bias.map { Double(container.numbers[$0][output]) } ?? 0
                for column in 0..<x.columns {
                    sum +=
                        x.numbers[row * x.columns + column]
                        * Double(container.numbers[weight][output * x.columns + column])
                }
                let added = residual.map { self[$0].numbers[row * outputs + output] } ?? 0
                result.numbers.append(Self.apply(activation, sum) + added)
            }
        }
        return result
    }
}
