import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("A hostile blob is refused or stays in bounds")
struct HostileBlobTests {
    private static let texts: [[UInt8]] = [
        Array("ab abb a<m> b [SEP] 한글 Été 我 \u{1D165}\u{1D16D}\u{302E} İ\u{FFFD}. \u{3000}x".utf8),
        [0x80, 0x61, 0xE2, 0x82, 0x00, 0xFF, 0xF0, 0x9F, 0x98],
        [UInt8](repeating: 0x61, count: 300),
        [],
    ]

    /// Uses every function of a tokenizer; the ids have to be ids.
    private func exercise(_ tokenizer: Tokenizer) {
        for text in Self.texts {
            for encoding in [
                tokenizer.encode(text), tokenizer.encode(text, pair: Self.texts[0]),
                tokenizer.encode(text, pair: Self.texts[1], maximumTokens: 5),
                tokenizer.encode(text, maximumTokens: 0),
            ] {
                #expect(encoding.ids.count == encoding.typeIDs.count)
                for id in encoding.ids {
                    #expect(tokenizer.tokenBytes(id) != nil)
                }
            }
            _ = tokenizer.words(text)
        }
        #expect(tokenizer.tokenBytes(-1) == nil)
        #expect(tokenizer.tokenBytes(Int32(tokenizer.vocabularySize)) == nil)
    }

    /// A blob with every action and every kind of added token: the small tokenizer with a short
    /// table and the normalized token `b<` with id 7.
    private func smallBlob() throws -> [UInt8] {
        let blob = try BlobEditor(Fixtures.smallSource().makeBlob())
        let added = blob[.addedTokens].dropLast(8)
        return blob.settingHeader(at: 12, to: 8)
            .replacingSection(.normalization, with: BlobEditor.smallNormalization)
            .replacingSection(
                .addedTokens, with: added + BlobEditor.words([1, 2, 7]) + [2, 0, 0x62, 0x3C]
            ).bytes
    }

    @Test("The blob of the hostile tests is a tokenizer")
    func smallBlobLoads() throws {
        let tokenizer = try Tokenizer(smallBlob())
        exercise(tokenizer)
        #expect(tokenizer.encodeWithoutSpecialTokens(Array("ab  <m>  abb".utf8)) == [5, 6, 5, 4])
        #expect(tokenizer.encodeWithoutSpecialTokens(Array("ab<ab <".utf8)) == [3, 7, 5, 0])
    }

    @Test("Every shorter blob is refused")
    func truncated() throws {
        let blob = try smallBlob()
        for count in 0..<blob.count {
            #expect(throws: TokenizerError.self) { try Tokenizer([UInt8](blob[..<count])) }
        }
    }

    @Test("A longer blob is refused")
    func extended() throws {
        let blob = try smallBlob() + [0, 0, 0, 0]
        #expect(throws: TokenizerError.self) { try Tokenizer(blob) }
    }

    @Test("Every flipped bit gives an error or a tokenizer that works")
    func flippedBits() throws {
        let blob = try smallBlob()
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
        #expect(refused > blob.count * 2)
    }

    @Test("Random fields give an error or a tokenizer that works")
    func randomFields() throws {
        let blob = try smallBlob()
        var state: UInt64 = 88_172_645_463_325_252
        func random(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        let values: [UInt8] = [0x00, 0x01, 0x7F, 0x80, 0xFF, 0xD8, 0x10, 0x20]
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

    @Test("A word of ten million characters is one unknown word")
    func longWord() throws {
        let tokenizer = try Tokenizer(Fixtures.smallSource().makeBlob())
        let word = [UInt8](repeating: 0x61, count: 10_000_000)
        #expect(tokenizer.encodeWithoutSpecialTokens(word) == [0])
        let marks = [[UInt8]](repeating: [0xE3, 0x80, 0xAE], count: 300_000).flatMap { $0 }
        #expect(tokenizer.encodeWithoutSpecialTokens(marks) == [0])
    }
}
