/// U+2581, which stands for a space in the tokens of SentencePiece.
enum Metaspace {
    @inline(never)
    static func append(to text: inout [UInt8]) {
        text.append(0xE2)
        text.append(0x96)
        text.append(0x81)
    }

    /// Appends a text, with U+2581 for each space if `escapes`.
    @inline(never)
    static func append(_ text: ArraySlice<UInt8>, escapes: Bool, to result: inout [UInt8]) {
        for byte in text {
            if escapes && byte == 0x20 { append(to: &result) } else { result.append(byte) }
        }
    }

    static func stands(in text: [UInt8], at position: Int) -> Bool {
        position + 2 < text.count && text[position] == 0xE2 && text[position + 1] == 0x96
            && text[position + 2] == 0x81
    }
}
