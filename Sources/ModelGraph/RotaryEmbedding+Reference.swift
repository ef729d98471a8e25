import Glibc
import Tensors

extension RotaryEmbedding {
    /// Turns the rows of some sequences, each of which begins at position 0.
    ///
    /// Angles are the float32 product of position and frequency, as Hugging Face computes them.
    ///
    /// - Parameters:
    ///   - tensor: `[rows, heads · headSize]`
    ///   - frequencies: `[r / 2]`, radians per position.
    ///   - sequences: The rows of each sequence, which follow one another and are all rows.
    func apply(_ tensor: Tensor, frequencies: Tensor, sequences: [Range<Int>]) -> Tensor {
        let pairCount = frequencies.elementCount
        guard pairCount > 0, tensor.columnCount > 0 else { return tensor }
        let positions = sequences.flatMap { 0..<$0.count }
        let columnCount = tensor.columnCount
        return tensor.mappedRows { index, row in
            let position = Float(positions[index])
            for pair in 0..<pairCount {
                let angle = position * frequencies.values[pair]
                let (cosine, sine) = (cosf(angle) * scale, sinf(angle) * scale)
                let (left, right) = columns(ofPair: pair, of: pairCount)
                for head in stride(from: 0, to: columnCount, by: headSize) {
                    let (x, y) = (row[head + left], row[head + right])
                    row[head + left] = x * cosine - y * sine
                    row[head + right] = y * cosine + x * sine
                }
            }
        }
    }

    private func columns(ofPair pair: Int, of pairCount: Int) -> (left: Int, right: Int) {
        switch pairing {
        case .halves: (pair, pair + pairCount)
        case .adjacent: (2 * pair, 2 * pair + 1)
        }
    }
}
