import Checkpoints
import Testing

@Suite struct JSONValueTests {
    @Test func everyKindOfValueIsRead() throws {
        let json = try parse(
            " {\"a\" : [1, -2.5, 1e2, true, false, null, \"x\"], \"b\":{}, \"c\":[]}\r\n\t")
        #expect(
            json["a"]?.array == [
                .integer(1), .double(-2.5), .double(100), .bool(true), .bool(false), .null,
                .string("x"),
            ])
        #expect(json["b"]?.object?.count == 0)
        #expect(json["c"]?.array == [])
        #expect(json["d"] == nil)
        #expect(json.object?.members.map(\.name) == ["a", "b", "c"])
    }

    @Test func accessorsGiveNilForOtherKinds() throws {
        let json = try parse("[1, 1.5, \"s\", true, null]").array ?? []
        #expect(json.map(\.integer) == [1, nil, nil, nil, nil])
        #expect(json.map(\.number) == [1, 1.5, nil, nil, nil])
        #expect(json.map(\.string) == [nil, nil, "s", nil, nil])
        #expect(json.map(\.bool) == [nil, nil, nil, true, nil])
        #expect(json.map(\.isNull) == [false, false, false, false, true])
        #expect(
            json.map(\.kind) == ["an integer", "a number", "a string", "a boolean", "null"])
    }

    @Test func numbersKeepTheirValue() throws {
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("-9223372036854775808") == .integer(.min))
        #expect(try parse("9223372036854775808") == .double(0x1p63))
        #expect(try parse("1000000000000000019884624838656") == .double(1e30))
        #expect(try parse("1E-2") == .double(0.01))
        #expect(try parse("-0") == .integer(0))
        #expect(try parse("0.1e+1") == .double(1))
    }

    @Test(arguments: ["01", "1.", "-", "1e", "1e+", ".5", "+1", "0x1", "1.e5", "--1", "00"])
    func malformedNumbersAreRefused(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
        #expect(throws: JSONError.self) { try parse("[\(text)]") }
    }

    @Test func numbersBeyondDoubleAreRefused() {
        #expect(throws: JSONError.numberOutOfRange(offset: 1)) { try parse("[1e999]") }
    }

    @Test func malformedNumbersSayWhere() {
        #expect(throws: JSONError.invalidNumber(offset: 1)) { try parse("[01]") }
    }

    @Test func escapesBecomeCharacters() throws {
        #expect(
            try parse(#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\uDE00""#)
                == .string("\"\\/\u{8}\u{c}\n\r\tAé😀"))
        #expect(try parse(#""\u0000""#) == .string("\0"))
    }

    @Test func brokenStringsAreRefused() {
        #expect(throws: JSONError.invalidEscape(offset: 1)) { try parse(#""\x""#) }
        #expect(throws: JSONError.invalidEscape(offset: 1)) { try parse(#""\u12g4""#) }
        #expect(throws: JSONError.unpairedSurrogate(offset: 1)) { try parse(#""\ud800""#) }
        #expect(throws: JSONError.unpairedSurrogate(offset: 1)) { try parse(#""\udc00""#) }
        #expect(throws: JSONError.unpairedSurrogate(offset: 1)) { try parse(#""\ud800\n""#) }
        #expect(throws: JSONError.unpairedSurrogate(offset: 1)) { try parse(#""\ud800\u0041""#) }
        #expect(throws: JSONError.controlCharacterInString(offset: 1)) { try parse("\"\n\"") }
        #expect(throws: JSONError.controlCharacterInString(offset: 3)) { try parse("\"\\n\n\"") }
        #expect(throws: JSONError.unexpectedEnd(offset: 2)) { try parse("\"a") }
    }

    @Test func invalidUTF8IsRefusedWithItsPlace() {
        #expect(throws: JSONError.invalidUTF8(offset: 1)) {
            try JSONValue(parsing: [0x22, 0xFF, 0x22])
        }
        #expect(throws: JSONError.invalidUTF8(offset: 2)) {
            try JSONValue(parsing: [0x22, 0x61, 0xED, 0xA0, 0x80, 0x22])
        }
        #expect(throws: JSONError.invalidUTF8(offset: 1)) {
            try JSONValue(parsing: [0x22, 0xC0, 0x80, 0x22])
        }
    }

    @Test func grammarIsFollowedStrictly() {
        #expect(throws: JSONError.unexpectedEnd(offset: 0)) { try parse("") }
        #expect(throws: JSONError.unexpectedEnd(offset: 1)) { try parse("{") }
        #expect(throws: JSONError.trailingBytes(offset: 3)) { try parse("{} x") }
        #expect(throws: JSONError.unexpectedByte(0x7D, offset: 7)) { try parse("{\"a\":1,}") }
        #expect(throws: JSONError.self) { try parse("[1,]") }
        #expect(throws: JSONError.self) { try parse("[1 2]") }
        #expect(throws: JSONError.self) { try parse("{\"a\" 1}") }
        #expect(throws: JSONError.self) { try parse("{a:1}") }
        #expect(throws: JSONError.self) { try parse("tru") }
        #expect(throws: JSONError.self) { try parse("nul1") }
        #expect(throws: JSONError.self) { try parse("NaN") }
        #expect(throws: JSONError.self) { try parse("\u{feff}{}") }
        #expect(throws: JSONError.self) { try parse("{\"a\":1]") }
    }

    @Test func duplicateNamesAreRefused() {
        #expect(throws: JSONError.duplicateName("a", offset: 11)) {
            try parse("{\"a\":1,\"a\":2}")
        }
        #expect(throws: JSONError.self) { try parse(#"{"a":1,"\u0061":2}"#) }
    }

    @Test func namesThatOnlyNormalisationUnitesAreDistinct() throws {
        let json = try parse("{\"e\u{301}\":1,\"\u{e9}\":2}")
        #expect(json["e\u{301}"] == .integer(1))
        #expect(json["\u{e9}"] == .integer(2))
    }

    @Test func deepNestingIsRefused() throws {
        let bomb = String(repeating: "[", count: 10_000)
        #expect(throws: JSONError.nestedTooDeeply(limit: 128, offset: 128)) { try parse(bomb) }
        let objects = String(repeating: "{\"a\":", count: 10_000)
        #expect(throws: JSONError.self) { try parse(objects) }
        let allowed =
            String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        _ = try parse(allowed)
        let wide = "[" + Array(repeating: "[]", count: 1000).joined(separator: ",") + "]"
        #expect(try parse(wide).array?.count == 1000)
    }

    @Test func tooManyValuesAreRefused() {
        #expect(throws: JSONError.tooManyValues(offset: 5)) {
            try JSONValue(parsing: Array("[1,2,3]".utf8), valueLimit: 3)
        }
    }

    @Test func everyTruncationIsAnError() throws {
        let text = Array(#"{"a":[1.5e3,"\u00e9\n",true,null,{"b":-12}],"ü":false}"#.utf8)
        _ = try JSONValue(parsing: text)
        for length in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text[..<length])) }
        }
    }

    @Test func sentencesNameBytesAndPlaces() {
        #expect(
            JSONError.unexpectedByte(0x7D, offset: 7).description
                == "unexpected '}' at byte 7 of the JSON text")
        #expect(
            JSONError.unexpectedByte(0x0A, offset: 7).description
                == "unexpected byte 0x0A at byte 7 of the JSON text")
        #expect(
            JSONError.duplicateName("a\nb", offset: 3).description
                == "the name 'a?b' occurs twice in an object, at byte 3")
    }

    private func parse(_ text: String) throws(JSONError) -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }
}
