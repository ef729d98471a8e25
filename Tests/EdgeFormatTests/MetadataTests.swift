import EdgeFormat
import Testing

@Suite struct MetadataTests {
    @Test func valuesAreFoundByKey() throws {
        let metadata = try read(SampleContainer().bytes()).directory.metadata
        #expect(try metadata.text("family") == Array("bert".utf8))
        #expect(metadata["year"] == .integer(-2026))
        #expect(metadata["labels"] == .texts([Array("no".utf8), Array("yes".utf8)]))
        #expect(metadata["absent"] == nil)
    }

    @Test func aMissingTextIsNamed() throws {
        let metadata = try read(SampleContainer().bytes()).directory.metadata
        #expect(throws: FormatError.missingMetadata(key: "task")) { try metadata.text("task") }
        #expect(throws: FormatError.missingMetadata(key: "year")) { try metadata.text("year") }
    }

    @Test func settingAKeyAgainReplacesItsValue() {
        var metadata = Metadata()
        metadata.set("b", .integer(1))
        metadata.set("a", .integer(2))
        metadata.set("b", .integer(3))
        #expect(metadata.entries.map(\.key) == [Array("a".utf8), Array("b".utf8)])
        #expect(metadata["b"] == .integer(3))
    }

    /// The error for a section with these bytes.
    private func refusal(_ payload: [UInt8]) -> FormatError? {
        SampleContainer.refusal(in: .metadata) { $0 = payload }
    }

    @Test func keysAscend() {
        let entry: (UInt8) -> [UInt8] = { [1, 0, $0, 2] + [UInt8](repeating: 0, count: 8) }
        #expect(refusal([2, 0, 0, 0] + entry(0x61) + entry(0x62)) == nil)
        for second in [0x61, 0x60] as [UInt8] {
            #expect(
                refusal([2, 0, 0, 0] + entry(0x61) + entry(second))
                    == .notAscending(field: "metadata key", index: 1))
        }
    }

    @Test func typesAreKnown() {
        for code in [0, 4, 255] as [UInt8] {
            #expect(
                refusal([1, 0, 0, 0, 1, 0, 0x61, code])
                    == .unknownCode(field: "metadata type", code: UInt64(code)))
        }
    }

    @Test func keysAndTextsAreUTF8() {
        #expect(
            refusal([1, 0, 0, 0, 1, 0, 0xff, 2]) == .invalidText(field: "metadata key"))
        #expect(
            refusal([1, 0, 0, 0, 1, 0, 0x61, 1, 1, 0, 0, 0, 0x80])
                == .invalidText(field: "metadata text"))
    }

    @Test func countsAreBounded() {
        #expect(
            refusal([1, 4, 0, 0]) == .overLimit(field: "metadata count", limit: 1024, found: 1025))
        #expect(
            refusal([1, 0, 0, 0, 1, 0, 0x61, 3, 1, 0, 0x10, 0])
                == .overLimit(
                    field: "metadata list count", limit: 1 << 20, found: 1 << 20 + 1))
        #expect(
            refusal([1, 0, 0, 0, 1, 0, 0x61, 1, 0xff, 0xff, 0xff, 0xff])
                == .overLimit(
                    field: "metadata text length", limit: 64 << 20, found: 0xffff_ffff))
    }

    @Test func allListsTogetherAreBounded() {
        let list: [UInt8] = [3, 0, 0, 8, 0] + [UInt8](repeating: 0, count: 4 << 19)
        let lists = [1, 0, 0x61] + list + [1, 0, 0x62] + list
        #expect(refusal([2, 0, 0, 0] + lists) == nil)
        #expect(
            refusal([3, 0, 0, 0] + lists + [1, 0, 0x63, 3, 1, 0, 0, 0, 0, 0, 0, 0])
                == .overLimit(field: "metadata list count", limit: 0, found: 1))
    }
}
