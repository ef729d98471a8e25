import CEdgePlatform
import CZstd
import Testing

@Suite("Zstandard frames")
struct ZstandardTests {
    private func compress(_ raw: [UInt8], declaresSize: Bool = true) -> [UInt8] {
        let context = ZSTD_createCCtx()
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, declaresSize ? 1 : 0)
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        var frame = [UInt8](repeating: 0, count: ZSTD_compressBound(raw.count))
        let count = ZSTD_compress2(context, &frame, frame.count, raw, raw.count)
        return Array(frame[..<count])
    }

    /// The result and the decoded bytes.
    private func decode(_ frame: [UInt8], count: Int) -> (result: Int32, raw: [UInt8]) {
        let decoder = edgep_zstd_create()!
        defer { edgep_zstd_destroy(decoder) }
        var raw = [UInt8](repeating: 0, count: count)
        let result = edgep_zstd_decode(decoder, frame, frame.count, &raw, count)
        return (result, raw)
    }

    private let raw = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 / 3 ^ $0 >> 5) }

    @Test("frames decode to what was compressed, one decoder for many")
    func roundTrip() {
        let decoder = edgep_zstd_create()
        for count in [0, 1, 100, 50_000] {
            let part = Array(raw[..<count])
            let frame = compress(part)
            var decoded = [UInt8](repeating: 0, count: count)
            #expect(edgep_zstd_decode(decoder, frame, frame.count, &decoded, count) == 0)
            #expect(decoded == part)
        }
        edgep_zstd_destroy(decoder)
        edgep_zstd_destroy(nil)
    }

    @Test("an empty frame decodes to nothing at all")
    func emptyFrame() {
        let frame = compress([])
        let decoder = edgep_zstd_create()
        #expect(edgep_zstd_decode(decoder, frame, frame.count, nil, 0) == 0)
        edgep_zstd_destroy(decoder)
    }

    @Test("another size than the declared one is refused")
    func wrongSize() {
        let frame = compress(raw)
        #expect(decode(frame, count: raw.count).result == 0)
        #expect(decode(frame, count: raw.count - 1).result == -1)
        #expect(decode(frame, count: raw.count + 1).result == -1)
        #expect(decode(frame, count: 0).result == -1)
    }

    @Test("a frame that does not declare its size is refused")
    func undeclaredSize() {
        #expect(decode(compress(raw, declaresSize: false), count: raw.count).result == -1)
    }

    @Test("trailing bytes, a second frame and a cut frame are refused")
    func wrongExtent() {
        let frame = compress(raw)
        #expect(decode(frame + [0], count: raw.count).result == -1)
        #expect(decode(frame + compress([]), count: raw.count).result == -1)
        for count in [0, 1, 3, 4, 8, frame.count / 2, frame.count - 1] {
            #expect(decode(Array(frame[..<count]), count: raw.count).result == -1)
        }
    }

    @Test("skippable frames are refused")
    func skippableFrames() {
        let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
        #expect(decode(skippable, count: 0).result == -1)
        #expect(decode(skippable + compress(raw), count: raw.count).result == -1)
    }

    @Test("a frame that needs a dictionary is refused")
    func dictionaries() {
        // RFC 8878, 3.1.1.1: single segment, one-byte dictionary number 7, content size 1, then a
        // last raw block of one byte.
        let plain: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0x09, 0, 0, 65]
        #expect(decode(plain, count: 1).raw == [65])
        let withDictionary: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 1, 0x09, 0, 0, 65]
        #expect(decode(withDictionary, count: 1).result == -1)
    }

    @Test("damage anywhere is refused")
    func damage() {
        var frame = compress(Array(raw[..<2000]))
        for i in frame.indices {
            frame[i] ^= 0x41
            let result = decode(frame, count: 2000)
            #expect(result.result == -1 || result.raw == Array(raw[..<2000]), "byte \(i)")
            frame[i] ^= 0x41
        }
    }
}
