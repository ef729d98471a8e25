import CommandLineSupport
import Foundation
import Testing

@Suite struct JSONWriterTests {
    private func text(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func membersAndElementsAreSeparatedAtEveryDepth() {
        let json = text { writer in
            writer.beginObject()
            writer.key("a")
            writer.beginArray()
            writer.beginArray()
            writer.endArray()
            writer.integer(1)
            writer.beginObject()
            writer.endObject()
            writer.null()
            writer.endArray()
            writer.key("b")
            writer.beginObject()
            writer.key("c")
            writer.bool(true)
            writer.key("d")
            writer.bool(false)
            writer.endObject()
            writer.key(Array("e".utf8))
            writer.string("x")
            writer.endObject()
        }
        #expect(json == #"{"a":[[],1,{},null],"b":{"c":true,"d":false},"e":"x"}"#)
        #expect(text { $0.integer(Int.min) } == "-9223372036854775808")
    }

    @Test func controlCharactersQuotesAndBackslashesAreEscaped() {
        #expect(text { $0.string("a\"b\\c/d\n\r\t") } == #""a\"b\\c/d\n\r\t""#)
        #expect(text { $0.string("\0\u{1f}\u{7f}\u{8}") } == #""\u0000\u001f\u007f\u0008""#)
        #expect(text { $0.string("é漢😀") } == "\"é漢😀\"")
        #expect(text { $0.string([0x61, 0xff, 0x62]) } == "\"a\u{fffd}b\"")
        #expect(
            text { writer in
                writer.beginObject()
                writer.key(Array("a\"\n".utf8))
                writer.null()
                writer.endObject()
            } == #"{"a\"\n":null}"#)
    }

    @Test func everyAsciiStringReadsBack() throws {
        let original = String(decoding: (0..<128).map { UInt8($0) }, as: UTF8.self) + "é漢😀"
        let json = text { writer in
            writer.beginArray()
            writer.string(original)
            writer.endArray()
        }
        let parsed = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String]
        #expect(parsed == [original])
    }

    @Test func floatsReadBackToTheSameBits() {
        let seed: UInt64 = 20_260_101
        var random = RandomBytes(seed: seed)
        let edges: [Float] = [
            0, -0.0, 1, -1, 0.1, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
            .leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .ulpOfOne,
            16_777_216, 1e10, 1e16, 3.0e-5,
        ]
        var numbers = edges
        for _ in 0..<50_000 {
            let number = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            if number.isFinite { numbers.append(number) }
        }
        for number in numbers {
            let json = text { $0.float(number) }
            let back = Float(json)
            #expect(
                back?.bitPattern == number.bitPattern && isJSONNumber(json),
                "\(json) for \(number.bitPattern), seed \(seed)")
        }
    }

    @Test func doublesReadBackToTheSameBits() {
        let seed: UInt64 = 20_260_102
        var random = RandomBytes(seed: seed)
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            guard number.isFinite else { continue }
            let json = text { $0.double(number) }
            #expect(
                Double(json)?.bitPattern == number.bitPattern && isJSONNumber(json),
                "\(json), seed \(seed)")
        }
    }

    @Test func numbersThatJSONDoesNotHaveAreNull() {
        for number in [Float.nan, .infinity, -.infinity, .signalingNaN] {
            #expect(text { $0.float(number) } == "null")
            #expect(text { $0.double(Double(number)) } == "null")
        }
    }

    /// The grammar of RFC 8259, §6.
    private func isJSONNumber(_ text: String) -> Bool {
        var rest = Substring(text)
        func digits(_ rest: inout Substring) -> Int {
            let count = rest.prefix { $0.isASCII && $0.isNumber }.count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == "-" { rest.removeFirst() }
        let startsWithZero = rest.first == "0"
        let whole = digits(&rest)
        guard whole > 0, !startsWithZero || whole == 1 else { return false }
        if rest.first == "." {
            rest.removeFirst()
            guard digits(&rest) > 0 else { return false }
        }
        if rest.first == "e" || rest.first == "E" {
            rest.removeFirst()
            if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
            guard digits(&rest) > 0 else { return false }
        }
        return rest.isEmpty
    }
}
