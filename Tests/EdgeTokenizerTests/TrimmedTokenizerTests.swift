import Checkpoints
import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("A trimmed tokenizer")
struct TrimmedTokenizerTests {
    private let source: TokenizerSource
    private let full: Tokenizer
    /// Texts of the fixture, about half of them for the corpus.
    private let texts: [[UInt8]]
    private let corpus: [[UInt8]]

    init() throws {
        source = try Fixtures.bertSource.get()
        full = try Tokenizer(source.makeBlob())
        texts = try Fixtures.lines("uncased.jsonl").map { $0["text"]?.bytes ?? [] }
        corpus = texts.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    }

    private func used() -> Set<Int32> {
        var used: Set<Int32> = []
        for text in corpus { used.formUnion(full.encode(text).ids) }
        return used
    }

    @Test("equals the full one on texts of kept tokens")
    func sameTokens() throws {
        let used = used()
        let blob = source.keeping(used).makeBlob()
        let trimmed = try Tokenizer(blob)
        #expect(blob.count < source.makeBlob().count - 100_000)
        #expect(trimmed.vocabularySize == full.vocabularySize)
        for text in corpus {
            #expect(trimmed.encode(text).ids == full.encode(text).ids)
        }
        for id in 0..<Int32(full.vocabularySize) {
            if let bytes = trimmed.tokenBytes(id) {
                #expect(bytes == full.tokenBytes(id))
            } else {
                #expect(!used.contains(id))
            }
        }
    }

    @Test("cuts other words into kept pieces, and makes none unknown")
    func otherTexts() throws {
        let trimmed = try Tokenizer(source.keeping(used()).makeBlob())
        let unknown = try #require(full.unknownID)
        var differing = 0
        for text in texts {
            let (before, after) = (full.encode(text).ids, trimmed.encode(text).ids)
            if before != after { differing += 1 }
            #expect(after.allSatisfy { trimmed.tokenBytes($0) != nil })
            #expect(after.count { $0 == unknown } <= before.count { $0 == unknown })
        }
        #expect(differing > 10)
    }

    @Test("without any word spells with single characters")
    func characters() throws {
        let trimmed = try Tokenizer(source.keeping([]).makeBlob())
        func tokens(_ text: String) -> [String] {
            trimmed.encode(Array(text.utf8)).ids.map {
                String(decoding: trimmed.tokenBytes($0) ?? [], as: UTF8.self)
            }
        }
        #expect(tokens("The cat") == ["[CLS]", "t", "##h", "##e", "c", "##a", "##t", "[SEP]"])
        #expect(tokens("# ## 7") == ["[CLS]", "#", "#", "#", "7", "[SEP]"])
        #expect(tokens("[MASK]") == ["[CLS]", "[MASK]", "[SEP]"])
        #expect(tokens("中é") == ["[CLS]", "中", "e", "[SEP]"])
    }

    @Test("keeps what it needs")
    func requiredTokens() throws {
        let required = Set(source.requiredTokens)
        for token in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "##9", "!"] {
            let id = try #require(source.id(of: token))
            #expect(required.contains(id), "\(token)")
        }
        for token in ["the", "##ing", "##ed"] {
            #expect(!required.contains(try #require(source.id(of: token))))
        }
        #expect(source.id(of: "no such token") == nil)
        #expect(source.requiredTokens == required.sorted())
        // Added tokens that are no part of the vocabulary stay.
        let small = try Fixtures.smallSource().keeping([3])
        let tokenizer = try Tokenizer(small.makeBlob())
        #expect(tokenizer.encodeWithoutSpecialTokens(Array("a<m>ab".utf8)) == [3, 6, 3, 4])
        #expect(tokenizer.tokenBytes(5) == nil)
    }
}
