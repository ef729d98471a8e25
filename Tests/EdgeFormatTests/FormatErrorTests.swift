import EdgeFormat
import Testing

@Suite struct FormatErrorTests {
    @Test func everyErrorIsOneSentenceWithItsNumbers() {
        let cases: [(FormatError, String)] = [
            (
                .truncated(field: "header", offset: 3, needed: 128, available: 7),
                "header at offset 3 needs 128 bytes, 7 are left"
            ),
            (.notAContainer, "not an .atn container (wrong magic number)"),
            (
                .damagedByTextMode,
                "the file was damaged by a transfer in text mode (line ends were translated)"
            ),
            (
                .tooNew(readVersion: 3, supported: 2),
                "needs a reader of version 3, this one has version 2"
            ),
            (
                .wrongChecksum(field: "directory", expected: 1, found: 2),
                "checksum of directory is 2, 1 was recorded"
            ),
            (
                .wrongValue(field: "header size", expected: 128, found: 64),
                "header size is 64, expected 128"
            ),
            (
                .overLimit(field: "tensor count", limit: 65_536, found: 70_000),
                "tensor count is 70000, the limit is 65536"
            ),
            (.nonZeroPadding(offset: 160), "padding at offset 160 is not zero"),
            (.sectionMissing(tag: 0x4154_454d), "section 'META' is missing"),
            (.sectionOrder(tag: 0x4154_454d), "section 'META' is repeated or out of order"),
            (
                .unknownSection(tag: 0x0041_ff41),
                "needs section 'A?A?', which this version does not know"
            ),
            (
                .unknownFeature(name: Array("int4".utf8)),
                "needs feature 'int4', which this version does not know"
            ),
            (
                .missingFeature(name: "int8-rows"), "feature 'int8-rows' is used and not listed"
            ),
            (.unknownCode(field: "opcode", code: 99), "unknown opcode 99"),
            (.notAscending(field: "output", index: 3), "output 3 is not in ascending order"),
            (
                .indexOutOfRange(field: "output value", index: 9, count: 4),
                "output value 9 is out of range, there are 4"
            ),
            (.invalidText(field: "tensor name"), "tensor name is not valid UTF-8"),
            (
                .trailingBytes(field: "metadata", count: 2),
                "2 bytes follow the end of metadata"
            ),
            (
                .tensor(name: Array("w".utf8), field: "chunk count", expected: 1, found: 2),
                "tensor 'w': chunk count is 2, expected 1"
            ),
            (
                .instruction(index: 7, field: "rows of a value", expected: 0, found: 1),
                "instruction 7: rows of a value is 1, expected 0"
            ),
            (
                .readBeforeWritten(instruction: 3, value: 7),
                "instruction 3 reads value 7, which no earlier instruction writes"
            ),
            (.missingMetadata(key: "task"), "metadata 'task' is missing"),
            (
                .chunkDamaged(index: 5, expected: 1, found: 2),
                "chunk 5 is damaged: its checksum is 2, 1 was recorded"
            ),
            (
                .chunkNotDecodable(index: 5),
                "chunk 5 is not a valid zstd frame of the recorded size"
            ),
            (
                .sparseChunk(index: 5, field: "stored size of the mask", expected: 3, found: 4),
                "sparse chunk 5: stored size of the mask is 4, expected 3"
            ),
            (
                .zeroInSparseChunk(index: 5),
                "sparse chunk 5 has a zero among the codes that are not zero"
            ),
            (.outOfMemory(byteCount: 64), "64 bytes of memory are not available"),
        ]
        for (error, sentence) in cases { #expect(error.message == sentence) }
    }
}
