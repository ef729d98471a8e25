import CEdgeKernels
import Testing

@Suite("Quantization")
struct QuantizationTests {
    struct Rows: Equatable {
        var firstBadRow: Int64
        var codes: [Int8]
        var scales: [UInt32]
        var zeroPoints: [Int32]
        var sums: [Int32]
    }

    private func quantize(
        _ x: [[Float]], multipliers: [Float]? = nil, range: ClosedRange<Float>? = nil,
        with kernels: Kernels, padding: Int = 0
    ) -> Rows {
        Arena.with(seed: 1) { arena in
            let columnCount = x.first?.count ?? 0
            let stride = paddedCodes(columnCount) + padding
            let codes = arena.zeros(x.count * stride, of: Int8.self)
            for i in 0..<x.count * stride { codes[i] = 77 }
            let rows = arena.zeros(x.count, of: edgek_row_quantization.self)
            let bad = kernels.table.quantize_rows(
                arena.copy(x.flatMap { $0 + [.nan] }), Int64(x.count), Int64(columnCount),
                Int64(columnCount + 1), multipliers.map { UnsafePointer(arena.copy($0)) },
                range.map { UnsafePointer(arena.copy([$0.lowerBound, $0.upperBound])) }, codes,
                Int64(stride), rows)
            let good = bad < 0 ? x.count : Int(bad)
            return Rows(
                firstBadRow: bad, codes: (0..<good * stride).map { codes[$0] },
                scales: (0..<good).map { rows[$0].scale.bitPattern },
                zeroPoints: (0..<good).map { rows[$0].zero_point },
                sums: (0..<good).map { rows[$0].code_sum })
        }
    }

    /// The rule of the contract, for one row.
    private func expected(
        _ x: [Float], multipliers: [Float]?, range: ClosedRange<Float>? = nil
    ) -> Rows {
        var values = x.enumerated().map { i, value in
            multipliers.map { value * $0[i] } ?? value
        }
        let low = range?.lowerBound ?? min(0, values.min() ?? 0)
        let high = range?.upperBound ?? max(0, values.max() ?? 0)
        if range != nil { values = values.map { min(max($0, low), high) } }
        let width = high - low
        let isEmpty = width < 0x1p-100
        let scale = isEmpty ? 0 : width / 255
        let inverse = isEmpty ? 0 : 255 / width
        let zeroPoint = Int32((-low * inverse).rounded(.toNearestOrEven))
        var codes = values.map { value -> Int8 in
            let q = Int32((value * inverse).rounded(.toNearestOrEven)) + zeroPoint
            return Int8(min(max(q, 0), 255) - 128)
        }
        let sum = codes.reduce(Int32(0)) { $0 + Int32($1) }
        codes += [Int8](repeating: 0, count: paddedCodes(codes.count) - codes.count)
        return Rows(
            firstBadRow: -1, codes: codes, scales: [scale.bitPattern], zeroPoints: [zeroPoint],
            sums: [sum])
    }

    @Test("rows follow the stated rule exactly", arguments: Kernels.supported)
    func rowsFollowTheRule(kernels: Kernels) {
        var random = RandomSource(seed: 5)
        for count in 0...70 {
            for range in [Float(1e-3), 1, 5e7] {
                let x = (0..<count).map { _ in random.unit() * range }
                let multipliers = (0..<count).map { _ in 1 + random.unit() }
                #expect(quantize([x], with: kernels) == expected(x, multipliers: nil))
                #expect(
                    quantize([x], multipliers: multipliers, with: kernels)
                        == expected(x, multipliers: multipliers))
            }
        }
    }

    @Test("rows in a range that is known", arguments: Kernels.supported)
    func knownRanges(kernels: Kernels) {
        var random = RandomSource(seed: 7)
        let ranges: [ClosedRange<Float>] = [
            -1...1, -0.25...0.5, 0...0.3, -0.0...0.7, -0.4...0, -0x1p-101...0x1p-101,
            -1.5e38...1.8e38, -3...1e-30,
        ]
        for count in 0...70 {
            for range in ranges {
                let x = (0..<count).map { _ in random.unit() }
                let multipliers = (0..<count).map { _ in 1 + random.unit() }
                for factors in [nil, multipliers] {
                    #expect(
                        quantize([x], multipliers: factors, range: range, with: kernels)
                            == expected(x, multipliers: factors, range: range), "\(range)")
                }
            }
        }
        // What the range does not hold is cut off, however large it is.
        let wide: [Float] = [3e38, -3e38, 1, -1, 0, -0.0, 0x1p-149]
        for range in ranges {
            #expect(
                quantize([wide], range: range, with: kernels)
                    == expected(wide, multipliers: nil, range: range), "\(range)")
        }
    }

    @Test("rows of one sign, of ties, of zeros and of tiny values", arguments: Kernels.supported)
    func unusualRows(kernels: Kernels) {
        let rows: [[Float]] = [
            [3, 1, 2], [-3, -1, -2], [0, 0, 0], [-0.0, 0, -0.0], [0x1p-101, -0x1p-102, 0],
            [0x1p-100, 0, 0], [255, 0.5, 1.5], [254.5, -0.5, 2.5], [0x1p-140, -0x1p-141, 0],
            [1.7e38, -1.6e38, 1],
        ]
        for row in rows {
            #expect(quantize([row], with: kernels) == expected(row, multipliers: nil), "\(row)")
        }
    }

    @Test("padding is filled with zeros up to the stride", arguments: Kernels.supported)
    func paddingIsZero(kernels: Kernels) {
        let result = quantize([[1, 2], [3, 4]], with: kernels, padding: 64)
        #expect(result.codes.count == 256)
        #expect(result.codes.enumerated().allSatisfy { $0 % 128 < 2 || $1 == 0 })
    }

    @Test("the first row that is not finite is reported", arguments: Kernels.supported)
    func badRowsAreReported(kernels: Kernels) {
        let signalling = Float(bitPattern: 0xff80_0001)
        for bad in [Float.nan, -.nan, signalling, .infinity, -.infinity] {
            for position in [0, 15, 16, 36] {
                var rows = [[Float]](repeating: [Float](repeating: 1, count: 37), count: 4)
                rows[2][position] = bad
                #expect(quantize(rows, with: kernels).firstBadRow == 2)
                #expect(quantize(rows, range: -1...2, with: kernels).firstBadRow == 2)
                for role in [EDGEK_QUERIES, EDGEK_KEYS, EDGEK_VALUES] {
                    let heads = quantizeHeads(rows, headCount: 1, role: role, with: kernels)
                    #expect(heads.firstBadRow == 2)
                }
            }
        }
        #expect(quantize([[1], [3e38], [-3e38]], with: kernels).firstBadRow == -1)
        #expect(quantize([[1, 2], [3e38, -3e38]], with: kernels).firstBadRow == 1)
        let overflow = quantize([[3e38, 1]], multipliers: [2, 1], with: kernels)
        #expect(overflow.firstBadRow == 0)
    }

    private func quantizeHeads(
        _ x: [[Float]], headCount: Int, role: edgek_head_role, with kernels: Kernels
    ) -> (firstBadRow: Int64, packed: [UInt8]) {
        Arena.with(seed: 2) { arena in
            let width = x.first?.count ?? 0
            let headSize = headCount > 0 ? width / headCount : 0
            let byteCount = Int(
                kernels.table.packed_head_bytes(
                    role, Int64(x.count), Int64(headCount), Int64(headSize)))
            let packed = arena.bytes(byteCount)
            let bad = kernels.table.quantize_heads(
                role, arena.copy(x.flatMap { $0 }), Int64(width), Int64(x.count), 0,
                Int64(x.count), Int64(headCount), Int64(headSize), packed)
            let bytes = UnsafeRawBufferPointer(start: packed, count: byteCount)
            return (bad, [UInt8](bytes))
        }
    }

    /// Of the other tables, what attention makes of the codes shows that they are the same.
    @Test("heads of the scalar table follow the stated rule exactly")
    func headsFollowTheRule() {
        var random = RandomSource(seed: 6)
        for headSize in 1...66 {
            let (headCount, rowCount) = (1 + headSize % 3, 1 + headSize % 4)
            var x = (0..<rowCount).map { _ in
                (0..<headCount * headSize).map { _ in random.unit() * 9 }
            }
            if rowCount > 1 { x[1] = x[1].map { $0 * 0x1p-110 } }
            var codes: [Int8] = []
            var scales: [Float] = []
            for head in 0..<headCount {
                for row in x {
                    let values = row[head * headSize..<(head + 1) * headSize]
                    let largest = values.map(abs).max()!
                    let isEmpty = largest < 0x1p-100
                    let inverse = isEmpty ? 0 : 127 / largest
                    scales.append(isEmpty ? 0 : largest / 127)
                    codes += values.map { Int8(($0 * inverse).rounded(.toNearestOrEven)) }
                }
            }
            let (bad, packed) = quantizeHeads(
                x, headCount: headCount, role: EDGEK_KEYS, with: .scalar)
            #expect(bad == -1)
            let expected =
                scales.withUnsafeBytes { [UInt8]($0) } + codes.map { UInt8(bitPattern: $0) }
            #expect(packed.starts(with: expected), "\(headSize)")
            #expect(packed.count == (expected.count + 63) / 64 * 64)
        }
    }

    @Test("no rows and no heads are fine", arguments: Kernels.supported)
    func nothingIsFine(kernels: Kernels) {
        #expect(quantize([], with: kernels).firstBadRow == -1)
        for role in [EDGEK_QUERIES, EDGEK_KEYS, EDGEK_VALUES] {
            let noRows = quantizeHeads([], headCount: 2, role: role, with: kernels)
            #expect(noRows.firstBadRow == -1)
            let noHeads = quantizeHeads([[], []], headCount: 0, role: role, with: kernels)
            #expect(noHeads.firstBadRow == -1)
        }
    }
}
