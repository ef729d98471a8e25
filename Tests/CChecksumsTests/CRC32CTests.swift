import CChecksums
import Testing

@Suite("CRC-32C")
struct CRC32CTests {
    /// RFC 3720, appendix B.4, and the check value of the polynomial's catalogue entry.
    static let vectors: [(bytes: [UInt8], crc: UInt32)] = [
        ([], 0),
        (Array("123456789".utf8), 0xe306_9283),
        ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
        ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
        ((0..<32).map { UInt8($0) }, 0x46dd_794e),
        ((0..<32).map { UInt8(31 - $0) }, 0x113f_db5c),
        (scsiRead, 0xd996_3a56),
    ]

    /// An iSCSI read command of 48 bytes.
    private static let scsiRead: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: 48)
        for (index, byte) in [0: 0x01, 1: 0xc0, 16: 0x14, 22: 0x04, 27: 0x14, 31: 0x18] {
            bytes[index] = UInt8(byte)
        }
        bytes[32] = 0x28
        bytes[40] = 0x02
        return bytes
    }()

    @Test("gives the published values")
    func publishedValues() {
        for (bytes, crc) in Self.vectors {
            #expect(atn_crc32c(0, bytes, bytes.count) == crc)
            #expect(~crc32cPortable(~0, bytes, bytes.count) == crc)
        }
    }

    @Test("hardware and portable code agree on any length, alignment and seed")
    func variantsAgree() {
        var random = ByteSource()
        let bytes = random.bytes(20_000)
        for round in 0..<400 {
            let start = random.below(70)
            let count = round < 200 ? round : random.below(19_000)
            let seed = UInt32(truncatingIfNeeded: random.next())
            bytes.withUnsafeBufferPointer { bytes in
                let part = bytes.baseAddress! + start
                #expect(
                    atn_crc32c(seed, part, count) == ~crc32cPortable(~seed, part, count),
                    "\(count) bytes from \(start)")
            }
        }
    }

    @Test("goes on where it stopped")
    func continues() {
        var random = ByteSource()
        let bytes = random.bytes(10_000)
        let whole = atn_crc32c(0, bytes, bytes.count)
        for _ in 0..<100 {
            let cuts = [0, random.below(10_001), random.below(10_001), 10_000].sorted()
            var crc: UInt32 = 0
            for (start, end) in zip(cuts, cuts.dropFirst()) {
                crc = atn_crc32c(crc, Array(bytes[start..<end]), end - start)
            }
            #expect(crc == whole)
        }
    }

    @Test("notices every single flipped bit")
    func noticesFlippedBits() {
        var bytes = [UInt8](repeating: 0x5a, count: 40)
        let crc = atn_crc32c(0, bytes, bytes.count)
        for bit in 0..<320 {
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(atn_crc32c(0, bytes, bytes.count) != crc)
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        }
    }
}
