/// A vocabulary of 100 pieces: the special tokens, digits and letters.
enum LetterVocabulary {
    static let pieces: [String] = {
        let characters = "abcdefghijklmnopqrstuvwxyz0123456789".map { String($0) }
        let pieces =
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + characters
            + characters.map { "##\($0)" }
        let rest = ["the", "and", "world", "hello"] + "!\"#$%&'()*+,-./:;<=>?".map { String($0) }
        return pieces + rest.prefix(TinyBert.vocabularySize - pieces.count)
    }()

    static let text = pieces.joined(separator: "\n") + "\n"
}
