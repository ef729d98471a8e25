/// How SentencePiece prepares texts and makes texts of tokens, in the terms of
/// `formats/tokenizer.md`.
struct SentencePieceRules {
    /// Whether a space is put before each text.
    var addsPrefix = true
    /// Whether spaces at both ends are removed and several become one.
    var removesExtraSpaces = true
    /// Tokens that never show in text, ascending.
    var controlIDs: [Int] = []
    /// What the token for unknown characters becomes.
    var unknownText: [UInt8] = []
    /// The double-array trie of what is replaced, in units of four bytes.
    var trie: [UInt8] = []
    /// Texts that take its place, each with a byte 0 behind it.
    var replacements: [UInt8] = []
}
