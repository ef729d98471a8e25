import Foundation

extension Tensor {
    /// The smallest element, NaN left aside; nil if there is none.
    package var minimum: Float? {
        values.withUnsafeBufferPointer { buffer in
            var result = Float.infinity
            var found = false
            for value in buffer where value <= result {
                result = value
                found = true
            }
            return found ? result : nil
        }
    }

    /// The largest element, NaN left aside; nil if there is none.
    package var maximum: Float? {
        values.withUnsafeBufferPointer { buffer in
            var result = -Float.infinity
            var found = false
            for value in buffer where value >= result {
                result = value
                found = true
            }
            return found ? result : nil
        }
    }

    /// The largest magnitude, NaN left aside; 0 for an empty tensor.
    package var absoluteMaximum: Float {
        values.withUnsafeBufferPointer { buffer in
            var result: Float = 0
            for value in buffer {
                let magnitude = value.magnitude
                result = magnitude > result ? magnitude : result
            }
            return result
        }
    }

    /// How many elements are NaN or infinite.
    package var nonFiniteCount: Int {
        values.withUnsafeBufferPointer { buffer in
            var count = 0
            for value in buffer {
                count &+= value.bitPattern & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0
            }
            return count
        }
    }

    /// The mean of the squares; 0 for an empty tensor.
    package var meanSquare: Double {
        elementCount == 0 ? 0 : squareSum / Double(elementCount)
    }

    /// Σ (x − y)² over the elements of two tensors of the same shape.
    package func squaredDistance(to other: Tensor) -> Double {
        precondition(shape == other.shape, "tensors to compare have one shape")
        return values.withUnsafeBufferPointer { values in
            other.values.withUnsafeBufferPointer { other in
                var sum = 0.0
                for index in 0..<values.count {
                    let difference = Double(values[index]) - Double(other[index])
                    sum += difference * difference
                }
                return sum
            }
        }
    }

    /// Σ (x − mean of the column)² over the elements of a matrix.
    package var varianceSum: Double {
        let means = columnMeans(rows: 0..<rowCount)
        var sum = 0.0
        for (index, value) in values.enumerated() {
            let deviation = Double(value) - means[index % means.count]
            sum += deviation * deviation
        }
        return sum
    }

    /// How well another tensor of the same shape stands for this one:
    /// 10 · log₁₀(Σ x² / Σ (x − a)²), in decibels; infinite if they are equal.
    package func signalToNoiseRatio(ofApproximation approximation: Tensor) -> Double {
        precondition(shape == approximation.shape, "an approximation has the same shape")
        let noise = squaredDistance(to: approximation)
        return noise == 0 ? .infinity : 10 * log10(squareSum / noise)
    }

    /// The cosine of the angle between two tensors of equal element count, in −1…1; 0 if one of
    /// them has no length.
    package static func cosineSimilarity(_ first: Tensor, _ second: Tensor) -> Double {
        cosineSimilarity(first.values, second.values)
    }

    /// The cosine of the angle between two vectors of equal length, in −1…1; 0 if one of them is
    /// zero.
    package static func cosineSimilarity(_ first: [Float], _ second: [Float]) -> Double {
        precondition(first.count == second.count, "vectors to compare have one length")
        var (product, firstSquares, secondSquares) = (0.0, 0.0, 0.0)
        for (a, b) in zip(first, second) {
            product += Double(a) * Double(b)
            firstSquares += Double(a) * Double(a)
            secondSquares += Double(b) * Double(b)
        }
        guard firstSquares > 0, secondSquares > 0 else { return 0 }
        let cosine = product / (firstSquares.squareRoot() * secondSquares.squareRoot())
        return min(1, max(-1, cosine))
    }

    private var squareSum: Double {
        values.withUnsafeBufferPointer { buffer in
            var sum = 0.0
            for value in buffer {
                sum += Double(value) * Double(value)
            }
            return sum
        }
    }
}
