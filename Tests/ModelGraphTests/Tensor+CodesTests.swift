import CEdgeKernels
import Foundation
import ModelGraph
import Tensors
import Testing

/// The codes that calibration sees are those that the device makes.
@Suite struct TensorCodesTests {
    private struct Reference: Decodable {
        let columns: Int
        /// Bits of floats, as in all that follows.
        let x: [UInt32]
        let expected: [UInt32]
        let multipliers: [UInt32]
        let multiplied: [UInt32]
        let expectedMultiplied: [UInt32]

        static func read() throws -> Reference {
            let path = URL(fileURLWithPath: #filePath)
                .deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Fixtures/rounding/activation-codes.json")
            return try JSONDecoder().decode(Self.self, from: Data(contentsOf: path))
        }

        func tensor(_ bits: [UInt32]) -> Tensor {
            Tensor(
                shape: [bits.count / columns, columns],
                values: bits.map { Float(bitPattern: $0) })
        }
    }

    @Test func rowsStandForWhatTheFormatSays() throws {
        let reference = try Reference.read()
        let x = reference.tensor(reference.x)
        let found = x.roundedToCodes(multipliers: nil)
        #expect(found.shape == x.shape)
        for row in 0..<x.rowCount {
            let range = row * reference.columns..<(row + 1) * reference.columns
            #expect(
                found.values[range].map(\.bitPattern) == Array(reference.expected[range]),
                "\(x.values[range])")
        }
    }

    @Test func multipliersComeFirst() throws {
        let reference = try Reference.read()
        let x = reference.tensor(reference.multiplied)
        let found = x.roundedToCodes(
            multipliers: reference.multipliers.map { Float(bitPattern: $0) })
        #expect(found.values.map(\.bitPattern) == reference.expectedMultiplied)
    }

    @Test func rowsStandForWhatTheKernelsMake() throws {
        var state: UInt64 = 77
        func random() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 23) - 1
        }
        for columns in [1, 3, 16, 31, 130] {
            for spread in [Float(0x1p-112), 0x1p-101, 1e-20, 1e-3, 1, 5e7, 1e37] {
                for shift in [Float(0), 0.9, -2] {
                    let values = (0..<4 * columns).map { _ in spread * (random() + shift) }
                    let multipliers = (0..<columns).map { _ in 1.5 + random() }
                    let x = Tensor(shape: [4, columns], values: values)
                    for factors in [nil, multipliers] {
                        #expect(
                            x.roundedToCodes(multipliers: factors).values.map(\.bitPattern)
                                == kernelCodes(x, multipliers: factors).map(\.bitPattern),
                            "\(columns) columns of \(spread)")
                    }
                }
            }
        }
    }

    @Test(arguments: [-1...1, -0.2...0.6, 0...1e-3, -4...0] as [ClosedRange<Float>])
    func knownRangesAreThoseOfTheKernel(range: ClosedRange<Float>) {
        var state: UInt64 = 78
        func random() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 23) - 1
        }
        for columns in [1, 7, 33] {
            let x = Tensor(
                shape: [4, columns], values: (0..<4 * columns).map { _ in 2 * random() })
            let multipliers = (0..<columns).map { _ in 1.5 + random() }
            for factors in [nil, multipliers] {
                #expect(
                    x.roundedToCodes(multipliers: factors, range: range).values.map(\.bitPattern)
                        == kernelCodes(x, multipliers: factors, range: range).map(\.bitPattern))
            }
        }
    }

    @Test func emptyRowsStayEmpty() {
        #expect(Tensor(zeros: [3, 0]).roundedToCodes(multipliers: nil).shape == [3, 0])
        #expect(Tensor(zeros: [0, 3]).roundedToCodes(multipliers: [1, 2, 3]).shape == [0, 3])
    }

    /// What the codes of the scalar kernel stand for, s · (q − z).
    private func kernelCodes(
        _ x: Tensor, multipliers: [Float]?, range: ClosedRange<Float>? = nil
    ) -> [Float] {
        let (rows, columns) = (x.rowCount, x.columnCount)
        let alignment = Int(EDGEK_CODE_ALIGNMENT)
        let stride = (columns + alignment - 1) / alignment * alignment
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, rows * stride), alignment: alignment)
        defer { memory.deallocate() }
        let codes = memory.bindMemory(to: Int8.self)
        var quantization = [edgek_row_quantization](repeating: .init(), count: rows)
        guard let table = edgek_table_at(0), let start = codes.baseAddress else { return [] }
        let ends = range.map { [$0.lowerBound, $0.upperBound] } ?? []
        let bad = (multipliers ?? []).withUnsafeBufferPointer { factors in
            ends.withUnsafeBufferPointer { ends in
                table.pointee.quantize_rows(
                    x.values, Int64(rows), Int64(columns), Int64(columns),
                    multipliers == nil ? nil : factors.baseAddress,
                    range == nil ? nil : ends.baseAddress, start, Int64(stride), &quantization)
            }
        }
        guard bad < 0 else { return [] }
        return (0..<rows * columns).map { index in
            let (row, column) = (index / columns, index % columns)
            let q = Int32(codes[row * stride + column]) + 128
            return quantization[row].scale * Float(q - quantization[row].zero_point)
        }
    }
}
