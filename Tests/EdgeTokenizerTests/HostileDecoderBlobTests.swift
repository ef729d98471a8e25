import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("A hostile blob of byte-pair encoding is refused or stays in bounds")
struct HostileDecoderBlobTests {
    private static let texts: [[UInt8]] = [
        Array(
            "ab abb a<m> b 12 's'S \u{17F} 한글 e\u{301}\u{323} \u{AC00}\u{11A8} \u{2581} \r\n .".utf8
        ),
        [0x80, 0x61, 0xE2, 0x82, 0x00, 0xFF, 0xF0, 0x9F, 0x98],
        [UInt8](repeating: 0x61, count: 300),
        [],
    ]

    /// Uses every function of a tokenizer; the ids have to be ids, the texts UTF-8.
    private func exercise(_ tokenizer: Tokenizer) {
        for text in Self.texts {
            for encoding in [
                tokenizer.encode(text), tokenizer.encode(text, pair: Self.texts[0]),
                tokenizer.encode(text, maximumTokens: 5),
            ] {
                #expect(encoding.ids.count == encoding.typeIDs.count)
                for id in encoding.ids { #expect(tokenizer.tokenBytes(id) != nil) }
            }
            _ = tokenizer.words(text)
        }
        for skips in [false, true] {
            guard var decoder = TokenDecoder(tokenizer, skipsSpecialTokens: skips) else { continue }
            for id in -1...Int32(tokenizer.vocabularySize) {
                #expect(UTF8Text.firstError(decoder.append(id)) == nil)
            }
            #expect(UTF8Text.firstError(decoder.finish()) == nil)
        }
    }

    /// Blobs with every section and rule: bytes, pieces, and SentencePiece's own.
    private func blobs() throws -> [[UInt8]] {
        let bytes = try BlobEditor(SmallTokenizers.bytes().makeBlob())
            .replacingSection(.normalization, with: SmallTokenizers.decomposition)
            .replacingSection(.composition, with: SmallTokenizers.composition)
            .replacingSection(.splitting, with: SmallTokenizers.splitting)
        return [
            bytes.bytes, try SmallTokenizers.pieces().makeBlob(),
            try SmallTokenizers.sentencePiece().makeBlob(),
        ]
    }

    @Test("The blobs of the hostile tests are tokenizers")
    func load() throws {
        for blob in try blobs() { exercise(try Tokenizer(blob)) }
    }

    @Test("Every shorter blob is refused, and every longer one")
    func truncated() throws {
        for blob in try blobs() {
            for count in 0..<blob.count {
                #expect(throws: TokenizerError.self) { try Tokenizer([UInt8](blob[..<count])) }
            }
            #expect(throws: TokenizerError.self) { try Tokenizer(blob + [0, 0, 0, 0]) }
        }
    }

    @Test("Every flipped bit gives an error or a tokenizer that works")
    func flippedBits() throws {
        for blob in try blobs() {
            var refused = 0
            for bit in 0..<blob.count * 8 {
                var changed = blob
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                do {
                    exercise(try Tokenizer(changed))
                } catch {
                    refused += 1
                }
            }
            #expect(refused > 1000)
        }
    }

    @Test("Random fields give an error or a tokenizer that works")
    func randomFields() throws {
        var state: UInt64 = 88_172_645_463_325_252
        func random(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        let values: [UInt8] = [0x00, 0x01, 0x7F, 0x80, 0xFF, 0xD8, 0x10, 0x20]
        for blob in try blobs() {
            for _ in 0..<3000 {
                var changed = blob
                for _ in 0...random(3) {
                    let start = random(blob.count)
                    let value = values[random(values.count)]
                    for offset in start..<min(start + 1 + random(4), blob.count) {
                        changed[offset] = value
                    }
                }
                if let tokenizer = try? Tokenizer(changed) { exercise(tokenizer) }
            }
        }
    }

    @Test("A word of a million characters takes n log n steps")
    func longWord() throws {
        for source in [try SmallTokenizers.bytes(), try SmallTokenizers.pieces()] {
            let tokenizer = try Tokenizer(source.makeBlob())
            let word = [UInt8](repeating: 0x61, count: 1_000_000)
            let ids = tokenizer.encodeWithoutSpecialTokens(word)
            #expect(ids.count >= 250_000 && ids.count <= 500_001)
        }
    }
}
