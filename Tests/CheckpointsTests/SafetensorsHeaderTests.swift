import Tensors
import Testing

@testable import Checkpoints

@Suite struct SafetensorsHeaderTests {
    // MARK: - Files that must load

    @Test func anEmptyTableLoads() throws {
        #expect(try entries(safetensors(header: "{}      ")).isEmpty)
        #expect(try entries(safetensors(header: "{}\r \t\n")).isEmpty)
    }

    @Test func metadataLoads() throws {
        let bytes = safetensors(header: #"{"__metadata__":{"framework":"pt"}}     "#)
        #expect(try header(bytes).metadata == ["framework": "pt"])
    }

    @Test func aTensorLoads() throws {
        let bytes = safetensors(
            header: #"{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}"#,
            dataByteCount: 16)
        let entry = try #require(try entries(bytes).first)
        #expect(entry.name == "test")
        #expect(entry.elementType == .int32)
        #expect(entry.shape == [2, 2])
        #expect(entry.byteRange == bytes.count - 16..<bytes.count)
    }

    @Test func scalarsAndEmptyTensorsLoad() throws {
        let bytes = safetensors(
            header: """
                {"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]},\
                "e":{"dtype":"F32","shape":[3,0],"data_offsets":[8,8]},\
                "f":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},\
                "c":{"dtype":"C64","shape":[2],"data_offsets":[8,24]}}
                """, dataByteCount: 24)
        #expect(try entries(bytes).map(\.name) == ["f", "s", "e", "c"])
    }

    @Test func theOrderOfTheTableIsFree() throws {
        let bytes = safetensors(
            header: """
                {"b":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},\
                "a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}
                """, dataByteCount: 8)
        #expect(try entries(bytes).map(\.name) == ["a", "b"])
    }

    @Test func strangeNamesAreTakenAsTheyAre() throws {
        let long = String(repeating: "n", count: 1 << 20)
        for name in ["../../x", #"\u0000"#, "", long, "e\u{301}"] {
            let bytes = safetensors(
                header: "{\"\(name)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                dataByteCount: 1)
            #expect(try entries(bytes).count == 1)
        }
    }

    // MARK: - The frame

    @Test func filesWithoutRoomForALengthAreRefused() {
        for count in 0..<8 {
            expect(.tooSmall(byteCount: count), [UInt8](repeating: 0, count: count))
        }
    }

    @Test func hugeHeadersAreRefused() {
        let limit = 100_000_000
        for declared in [UInt64(1) << 63, UInt64.max, UInt64(limit) + 1] {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: declared >> ($0 * 8)) }
            expect(.headerTooLarge(byteCount: declared, limit: limit), bytes + [0x7B, 0x7D])
        }
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: limit >> ($0 * 8)) }
        expect(
            .headerPastEnd(headerByteCount: limit, fileByteCount: 10), bytes + [0x7B, 0x7D])
    }

    @Test func headersMustStartWithABrace() {
        expect(.emptyHeader, safetensors(header: ""))
        expect(.headerDoesNotStartWithBrace(found: 0x20), safetensors(header: " {}"))
        expect(.headerDoesNotStartWithBrace(found: 0xFF), safetensors(header: [0xFF], data: []))
        expect(.headerDoesNotStartWithBrace(found: 0x5B), safetensors(header: "[]"))
    }

    @Test func headersMustBeJSON() {
        expect(.json(.unexpectedEnd(offset: 1)), safetensors(header: "{"))
        expect(.json(.trailingBytes(offset: 2)), safetensors(header: "{}{}"))
        expect(.json(.invalidUTF8(offset: 2)), safetensors(header: [0x7B, 0x22, 0xFF], data: []))
        expect(
            .json(.unpairedSurrogate(offset: 2)), safetensors(header: #"{"\ud800":{}}"#))
    }

    @Test func deepNestingIsRefused() {
        let bomb = String(repeating: "[", count: 10_000)
        expect(.malformedShape(tensor: "a"), entry(shape: bomb))
        expect(.entryNotObject(tensor: "a"), safetensors(header: "{\"a\":\(bomb)"))
        expect(
            .metadataNotStrings(key: "k"),
            safetensors(header: "{\"__metadata__\":{\"k\":\(bomb)"))
    }

    // MARK: - The table

    @Test func duplicateNamesAreRefused() {
        let one = #""a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#
        expect(
            .duplicateTensor("a"), safetensors(header: "{\(one),\(one)}", dataByteCount: 1))
        expect(
            .duplicateTensor("__metadata__"),
            safetensors(header: #"{"__metadata__":{},"__metadata__":{}}"#))
        expect(
            .duplicateMetadata(key: "k"),
            safetensors(header: #"{"__metadata__":{"k":"1","k":"2"}}"#))
        expect(
            .duplicateField(tensor: "a", field: "dtype"),
            safetensors(header: #"{"a":{"dtype":"U8","dtype":"U8"}}"#))
        expect(
            .duplicateField(tensor: "a", field: "shape"),
            safetensors(header: #"{"a":{"shape":[],"shape":[]}}"#))
        expect(
            .duplicateField(tensor: "a", field: "data_offsets"),
            safetensors(header: #"{"a":{"data_offsets":[0,0],"data_offsets":[0,0]}}"#))
    }

    @Test func metadataMustMapStringsToStrings() {
        expect(.metadataNotStrings(key: nil), safetensors(header: #"{"__metadata__":[]}"#))
        expect(
            .metadataNotStrings(key: "k"), safetensors(header: #"{"__metadata__":{"k":1}}"#))
        expect(
            .metadataNotStrings(key: "k"), safetensors(header: #"{"__metadata__":{"k":null}}"#))
    }

    @Test func entriesMustHaveTheirThreeFieldsAndNoOther() {
        expect(.entryNotObject(tensor: "a"), safetensors(header: #"{"a":[1]}"#))
        for field in ["dtype", "shape", "data_offsets"] {
            let fields = [
                "dtype": #""dtype":"U8""#, "shape": #""shape":[0]"#,
                "data_offsets": #""data_offsets":[0,0]"#,
            ].filter { $0.key != field }.values.joined(separator: ",")
            expect(
                .missingField(tensor: "a", field: field), safetensors(header: "{\"a\":{\(fields)}}")
            )
        }
        expect(
            .unknownField(tensor: "a", field: "strides"),
            safetensors(header: #"{"a":{"strides":[1]}}"#))
    }

    @Test func elementTypesMustBeKnown() {
        expect(.elementTypeNotString(tensor: "a"), safetensors(header: #"{"a":{"dtype":3}}"#))
        expect(
            .unknownElementType(tensor: "a", tag: "F7"),
            safetensors(header: #"{"a":{"dtype":"F7"}}"#))
        for tag in ["F4", "F6_E2M3", "F6_E3M2"] {
            expect(
                .subByteElementType(tensor: "a", tag: tag),
                safetensors(header: "{\"a\":{\"dtype\":\"\(tag)\"}}"))
        }
    }

    @Test func shapesMustBeCounts() {
        for shape in ["[-1]", "[1.5]", "[\"2\"]", "[1e2]", "[true]", "[null]", "[[1]]", "4", "{}"] {
            expect(.malformedShape(tensor: "a"), entry(shape: shape))
        }
        let ones = "[" + Array(repeating: "1", count: 65).joined(separator: ",") + "]"
        expect(.tooManyDimensions(tensor: "a", limit: 64), entry(shape: ones))
    }

    @Test func sizesThatOverflowAreRefused() {
        for shape in [
            "[2,18446744073709551614]", "[2,9223372036854775807]", "[4294967296,4294967296]",
            "[0,4294967296,4294967296]", "[9223372036854775807]",
        ] {
            expect(.sizeOverflow(tensor: "a"), entry(shape: shape))
        }
    }

    @Test func offsetsMustBeTwoCountsInOrder() {
        for offsets in ["[0]", "[0,1,2]", "[-1,0]", "[0,1.0]", "[0,18446744073709551615]", "0"] {
            expect(
                .malformedOffsets(tensor: "a"),
                safetensors(header: "{\"a\":{\"data_offsets\":\(offsets)}}"))
        }
        expect(
            .reversedOffsets(tensor: "a", begin: 4, end: 0),
            safetensors(
                header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
                dataByteCount: 4))
    }

    @Test func offsetsMustStayInTheFile() {
        let header = #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#
        let start = header.utf8.count + 8
        expect(
            .offsetsPastEnd(
                tensor: "a", begin: start, end: start + 16, fileByteCount: start + 15),
            safetensors(header: header, dataByteCount: 15))
        let far =
            #"{"a":{"dtype":"U8","shape":[1],"#
            + #""data_offsets":[9223372036854775806,9223372036854775807]}}"#
        expect(
            .offsetsPastEnd(
                tensor: "a", begin: .max, end: .max, fileByteCount: far.utf8.count + 8),
            safetensors(header: far))
    }

    @Test func shapesMustFillTheirBytes() {
        expect(
            .sizeMismatch(tensor: "a", expected: 16, found: 4),
            safetensors(
                header: #"{"a":{"dtype":"I32","shape":[2,2],"data_offsets":[0,4]}}"#,
                dataByteCount: 4))
    }

    // MARK: - The spans

    @Test func overlapsAreRefused() {
        let table = (0..<10).map {
            "\"t\($0)\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}"
        }
        let bytes = safetensors(
            header: "{" + table.joined(separator: ",") + "}", dataByteCount: 16)
        #expect {
            try entries(bytes)
        } throws: { error in
            if case .overlap = error as? SafetensorsError { true } else { false }
        }
    }

    @Test func holesAreRefused() {
        expect(
            .hole(tensor: "b", byteCount: 4),
            safetensors(
                header: """
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},\
                    "b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}
                    """, dataByteCount: 20))
        expect(
            .hole(tensor: "a", byteCount: 1),
            safetensors(
                header: #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
                dataByteCount: 2))
    }

    @Test func bytesAfterTheLastTensorAreRefused() {
        expect(.trailingBytes(count: 1), safetensors([("a", [1, 2])]) + [0])
        expect(.trailingBytes(count: 3), safetensors(header: "{}", dataByteCount: 3))
    }

    @Test func everyTruncationIsAnError() throws {
        let bytes = safetensors([("first", [1, 2]), ("second", [3])])
        #expect(try entries(bytes).count == 2)
        for length in 0..<bytes.count {
            #expect(throws: SafetensorsError.self) { try entries(Array(bytes[..<length])) }
        }
    }

    @Test func everyChangedHeaderBitIsAnErrorOrStillConsistent() throws {
        let bytes = safetensors([("first", [1, 2]), ("second", [3])])
        for position in 0..<bytes.count - 12 {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << bit
                guard let entries = try? entries(changed) else { continue }
                #expect(entries.allSatisfy { $0.byteRange.upperBound <= changed.count })
            }
        }
    }

    @Test func sentencesNameTheTensorAndTheNumbers() {
        let error = SafetensorsError.offsetsPastEnd(
            tensor: "encoder.layer.0", begin: 96, end: 4096, fileByteCount: 2048)
        #expect(
            CheckpointError.safetensors(file: "model.safetensors", error).description
                == "model.safetensors: tensor 'encoder.layer.0': offsets 96..4096 run past the "
                + "end of the file (2048 bytes)")
        #expect(
            SafetensorsError.duplicateTensor("a\u{0}\n").description
                == "tensor 'a??' occurs twice")
    }

    // MARK: - Parts

    private func header(_ bytes: [UInt8]) throws -> SafetensorsHeader {
        try bytes.withUnsafeBytes { try SafetensorsHeader(file: $0) }
    }

    private func entries(_ bytes: [UInt8]) throws -> [SafetensorsHeader.Entry] {
        try header(bytes).entries
    }

    private func entry(shape: String) -> [UInt8] {
        safetensors(
            header: "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,0],\"shape\":\(shape)}}")
    }

    private func expect(
        _ error: SafetensorsError, _ bytes: [UInt8],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) { try entries(bytes) }
        #expect(
            !error.description.contains("''") && !error.description.contains("\n"),
            sourceLocation: sourceLocation)
    }
}
