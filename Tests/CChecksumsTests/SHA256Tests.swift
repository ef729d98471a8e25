import CChecksums
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    private func digest(_ pieces: [ArraySlice<UInt8>]) -> String {
        var state = atn_sha256()
        atn_sha256_begin(&state)
        for piece in pieces {
            piece.withUnsafeBytes { atn_sha256_update(&state, $0.baseAddress, $0.count) }
        }
        var result = [UInt8](repeating: 0, count: 32)
        atn_sha256_end(&state, &result)
        return result.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func digest(_ bytes: [UInt8]) -> String {
        digest([bytes[...]])
    }

    private func words(of digest: atn_sha256) -> [UInt32] {
        withUnsafeBytes(of: digest.state) { Array($0.bindMemory(to: UInt32.self)) }
    }

    /// FIPS 180-2, appendix B, and the empty message of the NIST example values.
    @Test("gives the published values")
    func publishedValues() {
        #expect(
            digest([UInt8]()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            digest(Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            digest(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        #expect(
            digest([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("does not depend on how the message is cut")
    func cutsDoNotMatter() {
        var random = ByteSource()
        for count in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000] {
            let bytes = random.bytes(count)
            let whole = digest(bytes)
            for _ in 0..<20 {
                let cuts = [0, random.below(count + 1), random.below(count + 1), count].sorted()
                #expect(digest(zip(cuts, cuts.dropFirst()).map { bytes[$0..<$1] }) == whole)
            }
        }
    }

    @Test("hardware and portable code agree")
    func variantsAgree() {
        var random = ByteSource()
        for blockCount in 0..<40 {
            let bytes = random.bytes(blockCount * 64)
            var state = atn_sha256()
            atn_sha256_begin(&state)
            var expected = words(of: state)
            sha256Portable(&expected, bytes, blockCount)
            atn_sha256_update(&state, bytes, bytes.count)
            #expect(words(of: state) == expected)
        }
    }
}
