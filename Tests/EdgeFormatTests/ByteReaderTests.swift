import EdgeFormat
import Testing

@Suite struct ByteReaderTests {
    private func reading<T>(
        _ bytes: [UInt8], base: Int = 0, _ body: (inout ByteReader) throws -> T
    ) rethrows -> T {
        try bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes, base: base)
            return try body(&reader)
        }
    }

    @Test func fieldsAreLittleEndianAndFollowEachOther() throws {
        var writer = ByteWriter()
        writer.u8(0x01)
        writer.u16(0x0302)
        writer.u32(0x0706_0504)
        writer.u64(0x0f0e_0d0c_0b0a_0908)
        #expect(writer.bytes == Array(1...15))
        try reading(writer.bytes) { reader in
            #expect(try reader.u8("a") == 0x01)
            #expect(try reader.u16("b") == 0x0302)
            #expect(try reader.u32("c") == 0x0706_0504)
            #expect(try reader.u64("d") == 0x0f0e_0d0c_0b0a_0908)
            try reader.end("all")
        }
    }

    @Test func nothingIsReadPastTheEnd() {
        #expect(
            throws: FormatError.truncated(field: "word", offset: 102, needed: 4, available: 1)
        ) {
            try reading([1, 2, 3], base: 100) { reader in
                _ = try reader.u16("half")
                _ = try reader.u32("word")
            }
        }
        #expect(throws: FormatError.truncated(field: "x", offset: 0, needed: -1, available: 1)) {
            try reading([1]) { _ = try $0.array(-1, "x") }
        }
        #expect(throws: FormatError.truncated(field: "x", offset: 0, needed: .max, available: 1)) {
            try reading([1]) { _ = try $0.nested(.max, "x") }
        }
    }

    @Test func sizesBeyondTheAddressSpaceAreRefused() {
        #expect(
            throws: FormatError.overLimit(field: "size", limit: UInt64(Int.max), found: 1 << 63)
        ) {
            try reading([0, 0, 0, 0, 0, 0, 0, 0x80]) { _ = try $0.size("size") }
        }
    }

    @Test func countsAreComparedWithTheLimitAndWithWhatIsLeft() throws {
        #expect(throws: FormatError.overLimit(field: "n", limit: 8, found: 9)) {
            try reading([9, 0, 0, 0]) { _ = try $0.count("n", entryBytes: 1, limit: 8) }
        }
        #expect(throws: FormatError.truncated(field: "n", offset: 4, needed: 16, available: 15)) {
            try reading([2, 0, 0, 0] + [UInt8](repeating: 0, count: 15)) {
                _ = try $0.count("n", entryBytes: 8, limit: 8)
            }
        }
    }

    @Test func paddingMustBeZero() {
        #expect(throws: FormatError.nonZeroPadding(offset: 12)) {
            try reading([0, 0, 1], base: 10) { try $0.zeros(3, "padding") }
        }
    }

    @Test func whatIsLeftIsTrailing() {
        #expect(throws: FormatError.trailingBytes(field: "all", count: 2)) {
            try reading([1, 2]) { try $0.end("all") }
        }
    }

    @Test(
        arguments: [
            "", "a", "\u{7f}", "\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}", "\u{e000}", "\u{ffff}",
            "\u{10000}", "\u{10ffff}", "naïve 模型 🦙",
        ])
    func textOfAnyScalarIsValid(text: String) throws {
        let bytes = Array(text.utf8)
        #expect(isValidUTF8(bytes))
        #expect(try reading(bytes) { try $0.text(bytes.count, "text") } == bytes)
    }

    @Test(
        arguments: [
            [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xe0, 0x9f, 0x80],
            [0xe1, 0x80], [0xe1, 0x80, 0x41], [0xed, 0xa0, 0x80], [0xf0, 0x8f, 0x80, 0x80],
            [0xf1, 0x80, 0x80, 0xc0], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff],
        ] as [[UInt8]])
    func malformedTextIsRefused(bytes: [UInt8]) {
        #expect(throws: FormatError.invalidText(field: "text")) {
            try reading(bytes) { _ = try $0.text(bytes.count, "text") }
        }
    }
}
