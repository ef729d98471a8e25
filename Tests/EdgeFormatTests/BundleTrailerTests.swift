import EdgeFormat
import Testing

@Suite struct BundleTrailerTests {
    private let trailer = BundleTrailer(containerOffset: 8192, containerSize: 5000)
    private let fileSize = 8192 + 5000 + 32

    /// The trailer after a change of its bytes, with the checksum made right.
    private func read(
        _ fileSize: Int? = nil, _ change: (inout [UInt8]) -> Void = { _ in }
    ) throws(FormatError) -> BundleTrailer? {
        var bytes = trailer.encoded()
        change(&bytes)
        bytes.set(crc32c(Array(bytes[..<24])), at: 24)
        return try BundleTrailer.trailer(in: bytes, fileSize: fileSize ?? self.fileSize)
    }

    @Test func aTrailerSurvivesTheRoundTrip() throws {
        let bytes = trailer.encoded()
        #expect(bytes.count == BundleTrailer.byteCount)
        #expect(Array(bytes[..<8]) == [0x89, 0x41, 0x54, 0x4e, 0x42, 0x0d, 0x1a, 0x0a])
        #expect(bytes[8] == 0 && bytes[9] == 0x20 && bytes[16] == 0x88 && bytes[17] == 0x13)
        #expect(try read() == trailer)
        // What stands before the last 32 bytes does not matter.
        #expect(
            try BundleTrailer.trailer(in: [1, 2, 3] + bytes, fileSize: fileSize) == trailer)
    }

    @Test func otherFilesHaveNone() throws {
        #expect(try BundleTrailer.trailer(in: [], fileSize: 0) == nil)
        #expect(try BundleTrailer.trailer(in: Array(trailer.encoded()[1...]), fileSize: 31) == nil)
        for index in 0..<8 { #expect(try read { $0[index] ^= 1 } == nil) }
        #expect(
            try BundleTrailer.trailer(in: SampleContainer().bytes().suffix(32), fileSize: 100)
                == nil)
    }

    @Test func damagedTrailersAreRefused() {
        for index in 8..<32 {
            var bytes = trailer.encoded()
            bytes[index] ^= 0x40
            #expect(throws: FormatError.self, "byte \(index)") {
                try BundleTrailer.trailer(in: bytes, fileSize: fileSize)
            }
        }
    }

    @Test func theContainerFillsTheRoomBeforeTheTrailer() {
        for size in [fileSize - 1, fileSize + 1, 40, 8192 + 31] {
            #expect(throws: FormatError.self, "\(size)") { try read(size) }
        }
        // An offset that no page starts at, and numbers beyond any file.
        #expect(throws: FormatError.self) {
            try read {
                $0[8] = 64
                $0[16] = 0x48
            }
        }
        for start in [8, 16] {
            for value in [UInt8(0x7f), 0xff] {
                #expect(throws: FormatError.self) {
                    try read { for index in start..<start + 8 { $0[index] = value } }
                }
            }
        }
    }
}
