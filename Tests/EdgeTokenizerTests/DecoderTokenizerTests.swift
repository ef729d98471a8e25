import Checkpoints
import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("Byte-pair encoding gives the ids and texts of the reference")
struct DecoderTokenizerTests {
    private static let all = DecoderFixtures.files + DecoderFixtures.models

    @Test("for more than 2,000 lines", arguments: all)
    func lines(name: String) throws {
        let tokenizer = try DecoderFixtures.tokenizer(name)
        let texts = try DecoderFixtures.texts.get()
        let expected = try Fixtures.lines("decoders/\(name).ids.jsonl").map(\.ids)
        let more = try #require(try Fixtures.lines("decoders/\(name).more.jsonl").first)
        #expect(texts.count > 2000 && expected.count == texts.count)
        var changed: [Int: [UInt8]] = [:]
        for element in more["decoded"]?.elements ?? [] {
            changed[try #require(element.elements[0].integer)] = element.elements[1].bytes
        }
        for (index, text) in texts.enumerated() {
            let ids = tokenizer.encodeWithoutSpecialTokens(text)
            #expect(ids == expected[index], "line \(index + 1)")
            let decoded = try DecoderFixtures.decode(tokenizer, expected[index])
            #expect(decoded == changed[index] ?? text, "line \(index + 1)")
        }
    }

    @Test("for texts that are not UTF-8", arguments: all)
    func illFormed(name: String) throws {
        let tokenizer = try DecoderFixtures.tokenizer(name)
        let shared = try #require(try Fixtures.lines("decoders/shared.jsonl").first)
        let more = try #require(try Fixtures.lines("decoders/\(name).more.jsonl").first)
        let texts = try #require(shared["illFormed"]?.elements)
        let expected = try #require(more["illFormed"]?.elements)
        #expect(texts.count >= 250 && expected.count == texts.count)
        for (text, ids) in zip(texts, expected) {
            #expect(tokenizer.encodeWithoutSpecialTokens(text.hexBytes) == ids.ids, "\(text)")
        }
    }

    @Test("for words and white space of 20,000 to 200,000 characters", arguments: all)
    func long(name: String) throws {
        let tokenizer = try DecoderFixtures.tokenizer(name)
        let shared = try #require(try Fixtures.lines("decoders/shared.jsonl").first)
        let more = try #require(try Fixtures.lines("decoders/\(name).more.jsonl").first)
        let texts = try #require(shared["long"]?.elements)
        let expected = try #require(more["long"]?.elements)
        #expect(texts.count == 14 && expected.count == 14)
        for (text, result) in zip(texts, expected) {
            let unit = text.elements[0].bytes
            let count = try #require(text.elements[1].integer)
            let ids = tokenizer.encodeWithoutSpecialTokens(
                [UInt8]([[UInt8]](repeating: unit, count: count).joined()))
            var digest = Digest()
            for id in ids { digest.add(id) }
            #expect(ids.count == result.elements[0].integer, "\(text)")
            #expect(digest.hexadecimal == result.elements[1].bytes, "\(text)")
        }
    }

    @Test("for ids in any order", arguments: all)
    func decoding(name: String) throws {
        let tokenizer = try DecoderFixtures.tokenizer(name)
        let more = try #require(try Fixtures.lines("decoders/\(name).more.jsonl").first)
        let cases = try #require(more["decoding"]?.elements)
        #expect(cases.count == 400)
        for line in cases { try expectText(tokenizer, line) }
    }

    private func expectText(_ tokenizer: Tokenizer, _ line: JSONValue) throws {
        let ids = try #require(line["ids"]).ids
        #expect(
            try DecoderFixtures.decode(tokenizer, ids) == line["text"]?.bytes, "\(ids)")
        if let skipped = line["skipped"] {
            let text = try DecoderFixtures.decode(tokenizer, ids, skipsSpecialTokens: true)
            #expect(text == skipped.bytes, "\(ids)")
        }
    }

    @Test("with special tokens, for single texts and pairs", arguments: DecoderFixtures.files)
    func templates(name: String) throws {
        let tokenizer = try DecoderFixtures.tokenizer(name)
        let texts = try DecoderFixtures.texts.get()
        let more = try #require(try Fixtures.lines("decoders/\(name).more.jsonl").first)
        let cases = try #require(more["templates"]?.elements)
        #expect(cases.count == 60)
        for line in cases {
            let number = try #require(line["line"]?.integer)
            #expect(tokenizer.encode(texts[number]).ids == line["single"]?.ids)
            let pair = tokenizer.encode(texts[number], pair: texts[number + 1])
            #expect(pair.ids == line["pair"]?.ids)
            #expect(pair.typeIDs == line["typeIDs"]?.ids)
        }
    }

    @Test("for options that the common tokenizers do not have")
    func variants() throws {
        let variants = try Fixtures.lines("decoders/variants.jsonl")
        let texts = try #require(variants.first?["texts"]).elements.map(\.bytes)
        #expect(variants.count == 8 && texts.count == 520)
        for variant in variants {
            let name = try #require(variant["name"]?.string)
            let source = try TokenizerSource(
                tokenizerJSON: variant["tokenizer"]?.bytes, vocabularyText: nil,
                tokenizerConfigJSON: nil)
            let tokenizer = try Tokenizer(source.makeBlob())
            let expected = try #require(variant["ids"]).elements.map(\.ids)
            for (index, text) in texts.enumerated() {
                #expect(
                    tokenizer.encodeWithoutSpecialTokens(text) == expected[index],
                    "\(name), text \(index)")
            }
            for line in try #require(variant["decoding"]).elements {
                try expectText(tokenizer, line)
            }
        }
    }

    @Test("with the words that the regular expressions cut", arguments: 0..<5)
    func words(number: Int) throws {
        let cases = try Fixtures.lines("decoders/words.jsonl")
        #expect(cases.count == 5)
        let tokenizer = try DecoderFixtures.tokenizer(
            try #require(cases[number]["name"]?.string))
        let scalars = try #require(cases[number]["scalars"]).elements.map(\.bytes)
        let lines = try #require(cases[number]["lines"]).elements.map(\.bytes)
        let added = try #require(cases[number]["added"]).elements.compactMap(\.string)
        #expect(scalars.count == 272 && lines.count == 21)
        for block in 0..<272 {
            // Beyond these blocks every plane is uniform; its first block stands for it.
            guard block < 0x33 || block == 0xE0 || block % 16 == 0 else { continue }
            var digest = Digest()
            for chunk in 0..<16 {
                let text = Self.scalarText(UInt32(block * 4096 + chunk * 256))
                for word in tokenizer.words(text) { digest.add(word + [0xFF]) }
            }
            #expect(digest.hexadecimal == scalars[block], "words of block \(block)")
        }
        let texts = try DecoderFixtures.texts.get()
        for start in stride(from: 0, to: texts.count, by: 100) {
            var digest = Digest()
            for text in texts[start..<min(start + 100, texts.count)] {
                let line = String(decoding: text, as: UTF8.self)
                if added.contains(where: { line.utf8.contains($0.utf8) }) { continue }
                for word in tokenizer.words(text) { digest.add(word + [0xFF]) }
            }
            #expect(digest.hexadecimal == lines[start / 100], "lines from \(start + 1) on")
        }
    }

    /// 256 scalar values, each beside the characters that the rules look at.
    private static func scalarText(_ first: UInt32) -> [UInt8] {
        var text = ""
        for value in first..<first + 256 {
            guard let c = Unicode.Scalar(value) else { continue }
            text += "\(c) a\(c)b \(c)\(c)1\(c)'\(c)s' \(c)\n\(c)"
        }
        return Array(text.utf8)
    }
}
