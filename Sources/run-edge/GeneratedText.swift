import EdgeTokenizer

/// A text that grows token by token, until something comes that ends it.
struct GeneratedText {
    private var decoder: TokenDecoder
    private let stops: [[UInt8]]
    /// UTF-8, without what ended it.
    private(set) var bytes: [UInt8] = []
    private(set) var isStopped = false
    private var takenCount = 0

    /// Nil if the tokens cannot be made text.
    init?(_ tokenizer: Tokenizer?, stops: [[UInt8]]) {
        guard let tokenizer,
            let decoder = TokenDecoder(tokenizer, skipsSpecialTokens: true)
        else {
            return nil
        }
        self.decoder = decoder
        self.stops = stops
    }

    mutating func append(_ token: Int32) {
        append(decoder.append(token))
    }

    /// After the last token.
    mutating func finish() {
        if !isStopped { append(decoder.finish()) }
    }

    private mutating func append(_ piece: [UInt8]) {
        guard !isStopped, !piece.isEmpty else { return }
        let longest = stops.reduce(0) { max($0, $1.count) }
        // A stop may begin in what is there already.
        let start = max(0, bytes.count - longest)
        bytes += piece
        for place in start..<bytes.count {
            for stop in stops where bytes[place...].starts(with: stop) {
                bytes.removeSubrange(place...)
                isStopped = true
                return
            }
        }
    }

    /// What was not taken yet and no stop can take back.
    mutating func takeCertain(isLast: Bool) -> ArraySlice<UInt8> {
        var end = bytes.count
        if !isLast, !isStopped {
            search: for place in takenCount..<bytes.count {
                for stop in stops where stop.starts(with: bytes[place...]) {
                    end = place
                    break search
                }
            }
        }
        defer { takenCount = max(takenCount, end) }
        return bytes[min(takenCount, end)..<end]
    }
}
