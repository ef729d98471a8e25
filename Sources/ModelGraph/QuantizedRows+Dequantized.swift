package import Tensors

extension QuantizedRows {
    /// The matrix that the codes stand for, `[rowCount, columnCount]`.
    package var dequantized: Tensor {
        let values = [Float](unsafeUninitializedCapacity: codes.count) { output, count in
            codes.withUnsafeBufferPointer { codes in
                for row in 0..<rowCount {
                    let scale = scales[row]
                    for index in row * columnCount..<(row + 1) * columnCount {
                        output[index] = scale * Float(codes[index])
                    }
                }
            }
            count = codes.count
        }
        return Tensor(shape: [rowCount, columnCount], values: values)
    }
}
