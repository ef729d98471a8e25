import Checkpoints
import Foundation
import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("Tokenizer gives the ids of Hugging Face tokenizers")
struct TokenizerTests {
    @Test("for the uncased BERT vocabulary")
    func uncased() throws {
        let tokenizer = try Tokenizer(Fixtures.bertSource.get().makeBlob())
        let cases = try Fixtures.lines("uncased.jsonl")
        #expect(cases.count >= 2000)
        for (index, line) in cases.enumerated() {
            let encoding = tokenizer.encode(line["text"]?.bytes ?? [])
            #expect(encoding.ids == line["ids"]?.ids, "line \(index + 1)")
            #expect(encoding.untruncatedCount == encoding.ids.count)
        }
    }

    @Test("for every combination of normalizer options")
    func options() throws {
        let cases = try Fixtures.lines("options.jsonl")
        #expect(cases.count >= 24 * 90)
        var known: (options: JSONValue, tokenizer: Tokenizer)?
        for (index, line) in cases.enumerated() {
            let options = try #require(line["options"])
            if known?.options != options {
                known = (options, try Fixtures.tokenizer(options))
            }
            let tokenizer = try #require(known?.tokenizer)
            let text = try #require(line["text"]).bytes
            #expect(tokenizer.encode(text).ids == line["ids"]?.ids, "line \(index + 1)")
            #expect(
                tokenizer.words(text) == line["words"]?.elements.map(\.bytes),
                "line \(index + 1)")
        }
    }

    @Test("for pairs and truncation")
    func pairs() throws {
        let cases = try Fixtures.lines("pairs.jsonl")
        #expect(cases.count >= 500)
        let tokenizers = try ["right", "left"].map { side in
            try Tokenizer(
                TokenizerSource(
                    tokenizerJSON: nil, vocabularyText: Fixtures.vocabularyText,
                    tokenizerConfigJSON: Array("{\"truncation_side\": \"\(side)\"}".utf8)
                ).makeBlob())
        }
        for (index, line) in cases.enumerated() {
            let encoding = tokenizers[line["left"] == .bool(true) ? 1 : 0].encode(
                line["text"]?.bytes ?? [], pair: line["pair"]?.bytes,
                maximumTokens: line["maximum"]?.integer)
            #expect(encoding.ids == line["ids"]?.ids, "line \(index + 1)")
            #expect(encoding.typeIDs == line["type_ids"]?.ids, "line \(index + 1)")
            #expect(encoding.untruncatedCount == line["count"]?.integer, "line \(index + 1)")
        }
    }

    @Test("for ill-formed UTF-8, read as U+FFFD for each maximal subpart")
    func illFormed() throws {
        let cases = try Fixtures.lines("bytes.jsonl")
        #expect(cases.count >= 600)
        var tokenizers: [Tokenizer] = []
        for clean in [false, true] {
            var source = try Fixtures.bertSource.get()
            source.normalization.cleansText = clean
            tokenizers.append(try Tokenizer(source.makeBlob()))
        }
        for (index, line) in cases.enumerated() {
            let tokenizer = tokenizers[line["clean_text"] == .bool(true) ? 1 : 0]
            let bytes = try #require(line["hex"]).hexBytes
            #expect(tokenizer.encode(bytes).ids == line["ids"]?.ids, "line \(index + 1)")
        }
    }

    @Test("for added tokens and every post-processor")
    func addedTokens() throws {
        let tokenizers = try Fixtures.load("added-tokenizers.jsonl").split(separator: 0x0A).map {
            try Tokenizer(
                TokenizerSource(
                    tokenizerJSON: [UInt8]($0), vocabularyText: nil, tokenizerConfigJSON: nil
                ).makeBlob())
        }
        let cases = try Fixtures.lines("added.jsonl")
        #expect(cases.count >= 1200)
        for (index, line) in cases.enumerated() {
            let tokenizer = tokenizers[try #require(line["tokenizer"]?.integer)]
            let text = try #require(line["text"]).bytes
            let single = tokenizer.encode(text)
            #expect(single.ids == line["ids"]?.ids, "line \(index + 1)")
            #expect(single.typeIDs == line["type_ids"]?.ids, "line \(index + 1)")
            let pair = tokenizer.encode(text, pair: line["pair"]?.bytes)
            #expect(pair.ids == line["pair_ids"]?.ids, "line \(index + 1)")
            #expect(pair.typeIDs == line["pair_type_ids"]?.ids, "line \(index + 1)")
        }
    }

    /// By default three sets of options and the planes with assigned characters; everything, which
    /// takes minutes in a debug build, with the environment variable ATTENUATE_EXHAUSTIVE.
    @Test("for every Unicode scalar value, alone and between letters", arguments: 0..<6)
    func everyScalar(number: Int) throws {
        let isExhaustive = ProcessInfo.processInfo.environment["ATTENUATE_EXHAUSTIVE"] != nil
        if number >= 3 && !isExhaustive { return }
        let cases = try Fixtures.lines("scalars.jsonl")
        #expect(cases.count == 6)
        let line = cases[number]
        let tokenizer = try Fixtures.tokenizer(try #require(line["options"]))
        let words = try #require(line["words"]).elements.map(\.bytes)
        let ids = try #require(line["ids"]).elements.map(\.bytes)
        #expect(words.count == 272 && ids.count == 272)
        for block in 0..<272 {
            // Beyond these blocks every plane is uniform; its first block stands for it.
            let isAssigned = block < 0x33 || block == 0xE0 || block % 16 == 0
            if !isAssigned && !isExhaustive { continue }
            var wordDigest = Digest()
            var idDigest = Digest()
            for chunk in 0..<16 {
                let text = Self.scalarText(UInt32(block * 4096 + chunk * 256))
                for word in tokenizer.words(text) { wordDigest.add(word + [0xFF]) }
                if number > 0 && !isExhaustive { continue }
                for id in tokenizer.encodeWithoutSpecialTokens(text) { idDigest.add(id) }
            }
            #expect(wordDigest.hexadecimal == words[block], "words of block \(block)")
            if number > 0 && !isExhaustive { continue }
            #expect(idDigest.hexadecimal == ids[block], "ids of block \(block)")
        }
    }

    /// 256 scalar values, each alone and between two letters.
    private static func scalarText(_ first: UInt32) -> [UInt8] {
        var text: [UInt8] = []
        for value in first..<first + 256 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let bytes = Array(String(scalar).utf8)
            text += bytes + [0x20, 0x61] + bytes + [0x62, 0x20]
        }
        return text
    }
}
