import CElementaryFunctions
import Foundation
import Testing

@Suite("GELU and softmax")
struct ElementaryFunctionsTests {
    /// What mpmath computes, written by `tools/make_reference_elementary.py`.
    struct Reference: Decodable {
        struct Sample: Decodable {
            let input: [Float]
            let output: [Double]
        }

        let gelu: Sample
        let softmax: [Sample]

        static func read() throws -> Reference {
            let path = URL(fileURLWithPath: #filePath)
                .deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Fixtures/elementary/functions.json")
            return try JSONDecoder().decode(Self.self, from: Data(contentsOf: path))
        }
    }

    /// Those that this processor has; 0 is the C library.
    static let variants = (0..<atn_elementary_variant_count()).filter {
        atn_elementary_variant_is_available($0)
    }

    @Test("GELU is within the rounding of its steps of the exact function", arguments: variants)
    func geluIsExact(variant: Int32) throws {
        let sample = try Reference.read().gelu
        #expect(sample.input.count > 300 && sample.input.count == sample.output.count)
        for (x, (found, exact)) in zip(
            sample.input, zip(gelu(variant, sample.input), sample.output))
        {
            // 1 ulp of erf, half of one each of its argument, of the sum and of the product.
            let bound = abs(Double(x)) * 0x1p-23 + 1e-45
            #expect(abs(Double(found) - exact) <= bound, "GELU(\(x)), variant \(variant)")
        }
    }

    @Test("softmax is within the rounding of its steps of the exact function", arguments: variants)
    func softmaxIsExact(variant: Int32) throws {
        for sample in try Reference.read().softmax {
            let found = softmax(variant, sample.input, rows: 1, stride: sample.input.count)
            for (found, exact) in zip(found, sample.output) {
                // Differences of up to 200 are rounded to 2⁻¹⁷ before they are exponents.
                #expect(abs(Double(found) - exact) <= exact * 2e-5 + 1e-45)
            }
        }
    }

    @Test("what GELU gives does not depend on place and number", arguments: variants)
    func geluTakesAnyNumber(variant: Int32) {
        let inputs = (0..<75).map { Float($0) * 0.17 - 6.3 }
        let alone = inputs.map { gelu(variant, [$0])[0] }
        for count in 0...inputs.count {
            for first in [0, inputs.count - count] {
                #expect(
                    gelu(variant, Array(inputs[first..<first + count]))
                        == Array(alone[first..<first + count]))
            }
        }
        var inPlace = inputs
        inPlace.withUnsafeMutableBufferPointer {
            atn_gelu_variant(variant, $0.baseAddress, $0.baseAddress, $0.count)
        }
        #expect(inPlace == alone)
    }

    @Test("rows of a softmax do not see each other, nor what lies between", arguments: variants)
    func softmaxTakesAnyRows(variant: Int32) {
        for columns in [1, 2, 7, 8, 9, 15, 16, 17, 31, 40] {
            for rows in [0, 1, 7, 8, 9, 20] {
                let stride = columns + 3
                let values = (0..<rows * stride).map { Float($0 * 7919 % 1009) * 0.02 - 10 }
                let found = softmax(variant, values, rows: rows, columns: columns, stride: stride)
                for row in 0..<rows {
                    let own = Array(values[row * stride..<row * stride + columns])
                    let alone = softmax(variant, own, rows: 1, stride: columns)
                    #expect(Array(found[row * stride..<row * stride + columns]) == alone)
                    let between = row * stride + columns..<(row + 1) * stride
                    #expect(found[between] == values[between])
                }
            }
        }
    }

    @Test("all vectors give the same bits, and the C library what is next to them")
    func variantsAgree() {
        // Every 10007th float, with NaN, infinities and denormal numbers among them.
        let inputs = stride(from: UInt64(0), to: 1 << 32, by: 10_007).map {
            Float(bitPattern: UInt32($0))
        }
        let pairs: [Float] = inputs.flatMap { [0, -abs($0)] }
        let library = bothOf(0, inputs, pairs)
        var first: (gelu: [Float], softmax: [Float])?
        for variant in Self.variants.dropFirst() {
            let found = bothOf(variant, inputs, pairs)
            let expected = first ?? found
            #expect(bits(found.gelu) == bits(expected.gelu))
            #expect(bits(found.softmax) == bits(expected.softmax))
            first = expected
        }
        guard let first else { return }
        for (index, x) in inputs.enumerated() {
            let (found, expected) = (first.gelu[index], library.gelu[index])
            let bound = abs(x) * 0x1p-22
            #expect(isNear(found, expected, within: bound), "GELU(\(x))")
        }
        for (found, expected) in zip(first.softmax, library.softmax) {
            #expect(isNear(found, expected, within: expected * 0x1p-22))
        }
    }

    @Test("infinities and rows without a number come out as IEEE 754 says", arguments: variants)
    func specialValues(variant: Int32) {
        let found = gelu(variant, [.infinity, -.infinity, .nan, -0.0])
        #expect(found[0] == .infinity && found[1].isNaN && found[2].isNaN)
        #expect(found[3] == 0 && found[3].sign == .minus)
        #expect(softmax(variant, [-.infinity, 3, -.infinity], rows: 1, stride: 3) == [0, 1, 0])
        let rows = softmax(variant, [-.infinity, -.infinity, .nan, 1], rows: 2, stride: 2)
        #expect(rows.allSatisfy { $0.isNaN })
    }

    // MARK: - Parts

    private func bothOf(
        _ variant: Int32, _ inputs: [Float], _ pairs: [Float]
    ) -> (gelu: [Float], softmax: [Float]) {
        (gelu(variant, inputs), softmax(variant, pairs, rows: inputs.count, stride: 2))
    }

    /// All NaN are the same.
    private func bits(_ values: [Float]) -> [UInt32] {
        values.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern }
    }

    private func isNear(_ found: Float, _ expected: Float, within bound: Float) -> Bool {
        if found.isNaN || expected.isNaN { return found.isNaN && expected.isNaN }
        return found == expected || abs(found - expected) <= bound
    }

    private func gelu(_ variant: Int32, _ values: [Float]) -> [Float] {
        // What lies behind must stay.
        var output = [Float](repeating: 42, count: values.count + 4)
        atn_gelu_variant(variant, values, &output, values.count)
        #expect(output.suffix(4) == [42, 42, 42, 42])
        return Array(output.prefix(values.count))
    }

    private func softmax(
        _ variant: Int32, _ values: [Float], rows: Int, columns: Int? = nil, stride: Int
    ) -> [Float] {
        var values = values
        atn_softmax_variant(variant, &values, rows, columns ?? stride, stride)
        return values
    }
}
