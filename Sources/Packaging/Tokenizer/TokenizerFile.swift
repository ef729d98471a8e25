/// The files of a Hugging Face folder that describe a tokenizer.
package enum TokenizerFile: Equatable, Sendable {
    case tokenizer
    case vocabulary
    case sentencePiece
    case configuration

    package var name: String {
        switch self {
        case .tokenizer: "tokenizer.json"
        case .vocabulary: "vocab.txt"
        case .sentencePiece: "tokenizer.model"
        case .configuration: "tokenizer_config.json"
        }
    }

    func isValidUTF8(_ bytes: [UInt8]) -> Bool {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue: continue
            case .emptyInput: return true
            case .error: return false
            }
        }
    }
}
