package import Tensors

extension QuantizedRows {
    /// The matrix that the codes stand for, `[rowCount, columnCount]`.
    package var dequantized: Tensor {
        Tensor(shape: [rowCount, columnCount], values: dequantized(rows: 0..<rowCount))
    }

    /// The numbers of some rows.
    func dequantized(rows: Range<Int>) -> [Float] {
        let elementCount = rows.count * columnCount
        return [Float](unsafeUninitializedCapacity: elementCount) { output, count in
            codes.withUnsafeBufferPointer { codes in
                var next = 0
                for row in rows {
                    let scale = scales[row]
                    for group in 0..<(multipliers == nil ? 1 : groupCount) {
                        var columns = 0..<columnCount
                        var factor: Int32 = 1
                        if let multipliers {
                            let first = group * Self.groupSize
                            columns = first..<min(columnCount, first + Self.groupSize)
                            factor = Int32(multipliers[row * groupCount + group])
                        }
                        for column in columns {
                            let code = Int32(codes[row * columnCount + column])
                            output[next] = scale * Float(factor * code)
                            next += 1
                        }
                    }
                }
            }
            count = elementCount
        }
    }
}
