import CEdgePlatform
import CZstd
import Testing

@_silgen_name("edgep_decode_literals")
private func decodeLiterals(
    _ scratch: UnsafeMutableRawPointer, _ frame: UnsafePointer<UInt8>, _ frameByteCount: Int,
    _ raw: UnsafeMutablePointer<UInt8>, _ rawByteCount: Int
) -> Bool

/// The decoder of frames that hold nothing but Huffman codes, against zstd's own.
@Suite("Frames of literals")
struct LiteralFrameTests {
    /// Sums of uniform numbers, so about normal; with few bits the table of codes is coarse.
    private func codes(_ count: Int, width: Int, seed: UInt64) -> [UInt8] {
        var random = seed
        return (0..<count).map { _ in
            var sum = 0
            for _ in 0..<4 {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                sum += Int(random >> 33) % (2 * width + 1) - width
            }
            return UInt8(truncatingIfNeeded: sum / 2)
        }
    }

    /// - Parameter windowLog: Blocks have 2 to the power of it bytes, at most 128 KiB; 0 for those.
    private func frame(_ raw: [UInt8], windowLog: Int32, findsMatches: Bool = false) -> [UInt8] {
        let context = ZSTD_createCCtx()
        defer { ZSTD_freeCCtx(context) }
        var settings: [(ZSTD_cParameter, Int32)] = [(ZSTD_c_windowLog, windowLog)]
        if !findsMatches {
            settings += [
                (ZSTD_c_compressionLevel, 1), (ZSTD_c_strategy, Int32(ZSTD_fast.rawValue)),
                (ZSTD_c_hashLog, 6), (ZSTD_c_minMatch, 7), (ZSTD_c_targetLength, 1 << 17),
                (atn_zstd_literal_compression, Int32(ZSTD_ps_enable.rawValue)),
            ]
        }
        for (parameter, value) in settings { ZSTD_CCtx_setParameter(context, parameter, value) }
        var frame = [UInt8](repeating: 0, count: ZSTD_compressBound(raw.count))
        let count = ZSTD_compress2(context, &frame, frame.count, raw, raw.count)
        return Array(frame[..<count])
    }

    private func decode(_ frame: [UInt8], count: Int) -> [UInt8]? {
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: 1 << 13, alignment: 64)
        defer { scratch.deallocate() }
        // What lies behind must stay.
        var raw = [UInt8](repeating: 0xa5, count: count + 64)
        let isDecoded = decodeLiterals(scratch, frame, frame.count, &raw, count)
        #expect(raw[count...] == ArraySlice(repeating: 0xa5, count: 64))
        return isDecoded ? Array(raw[..<count]) : nil
    }

    private static let isImplemented = Int.bitWidth == 64

    @Test(
        "codes of one, two and many blocks, of equal and of different sizes",
        .enabled(if: isImplemented), arguments: [0, 16, 13] as [Int32], [6, 20, 40, 62])
    func codesAreDecoded(windowLog: Int32, width: Int) {
        for count in [1_500, 24_576, 65_536, 65_536 + 1_500, 147_456, 196_608, 245_760, 262_144] {
            let raw = codes(count, width: width, seed: UInt64(count + width))
            let frame = frame(raw, windowLog: windowLog)
            let decoded = decode(frame, count: count)
            if width > 6 {
                #expect(decoded == raw, "\(count) bytes")
            } else {
                // Blocks of few different bytes may have another form.
                #expect(decoded == nil || decoded == raw, "\(count) bytes")
            }
        }
    }

    @Test("frames of another kind are left to another decoder")
    func otherFrames() {
        let repeated = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 / 3 ^ $0 >> 5) }
        #expect(decode(frame(repeated, windowLog: 0, findsMatches: true), count: 40_000) == nil)
        let noise = (0..<3_000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 2_654_435_761 >> 13) }
        for raw in [[], [7], [UInt8](repeating: 3, count: 5_000), noise] {
            let decoded = decode(frame(raw, windowLog: 0), count: raw.count)
            #expect(decoded == nil || decoded == raw)
        }
    }

    /// Another decoder then says what it is; but nothing is taken that zstd does not decode so.
    @Test("damaged and cut frames are not taken for others", arguments: 0..<4)
    func damage(seed: Int) {
        let raw = codes(2_500 + 70_000 * (seed % 2), width: 30, seed: UInt64(seed))
        let whole = frame(raw, windowLog: seed < 2 ? 16 : 0)
        let places =
            Array(0..<min(250, whole.count))
            + stride(from: 250, to: whole.count, by: 997) + (whole.count - 9..<whole.count)
        let context = ZSTD_createDCtx()
        defer { ZSTD_freeDCtx(context) }
        for place in places {
            var damaged = whole
            damaged[place] ^= UInt8(1) << UInt8((place + seed) % 8)
            // Magic number and sizes are checked before.
            guard ZSTD_getFrameContentSize(damaged, damaged.count) == raw.count,
                ZSTD_findFrameCompressedSize(damaged, damaged.count) == damaged.count,
                let found = decode(damaged, count: raw.count)
            else { continue }
            var expected = [UInt8](repeating: 0, count: raw.count)
            let count = ZSTD_decompressDCtx(
                context, &expected, expected.count, damaged, damaged.count)
            #expect(count == raw.count && found == expected, "byte \(place)")
        }
        for count in places where count >= 5 && count < whole.count {
            #expect(decode(Array(whole[..<count]), count: raw.count) == nil)
        }
        #expect(decode(whole, count: raw.count - 1) == nil)
        #expect(decode(whole, count: raw.count + 1) == nil)
    }
}
