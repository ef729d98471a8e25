import EdgeFormat

/// What to generate.
package struct GenerationOptions: Sendable {
    /// The most tokens that follow a prompt.
    package var maximumNewTokens: Int
    package var sampling: SamplingOptions
    /// Tokens that end a text; they are not part of it.
    package var endTokens: [Int32]
    /// Whether a text that fills the context goes on with the later half of it as all that it knows.
    package var slidesContext: Bool

    package init(
        maximumNewTokens: Int = 256, sampling: SamplingOptions = SamplingOptions(),
        endTokens: [Int32] = [], slidesContext: Bool = false
    ) {
        self.maximumNewTokens = maximumNewTokens
        self.sampling = sampling
        self.endTokens = endTokens
        self.slidesContext = slidesContext
    }
}

/// Why a text ends.
package enum GenerationEnd: Equatable, Sendable {
    /// The model gave a token that ends texts.
    case endToken
    /// As many tokens as asked for are there.
    case length
    /// The context is full.
    case context
    /// The caller asked for it.
    case stopped
}

/// Texts that are generated token by token, several at once.
///
/// Each has the bits that it has alone. A text's first step computes its prompt.
package final class Generator {
    private let session: Session
    private let options: GenerationOptions
    private var texts: [Text]

    private struct Text {
        let cache: KeyValueCache
        /// Prompt and what follows.
        var tokens: [Int32]
        let promptCount: Int
        var sampler: Sampler
        var end: GenerationEnd?

        /// Tokens that are not in the cache yet.
        var pending: ArraySlice<Int32> { tokens[(tokens.count - pendingCount)...] }
        var pendingCount: Int
    }

    /// - Throws: `emptyInput` for a prompt without tokens, `tooManyTokens` for one that leaves no room
    ///   in the context, and what else is wrong with its tokens.
    package init(
        _ session: Session, prompts: [[Int32]], options: GenerationOptions
    ) throws(RuntimeError) {
        self.session = session
        self.options = options
        texts = []
        guard session.program.generates else { throw .noSuchOutput }
        for (number, prompt) in prompts.enumerated() {
            try session.check(tokenIDs: prompt, typeIDs: [])
            let wanted = prompt.count.addingReportingOverflow(max(0, options.maximumNewTokens))
            let capacity =
                wanted.overflow
                ? session.maximumTokens : min(session.maximumTokens, wanted.partialValue)
            texts.append(
                Text(
                    cache: try KeyValueCache(session, capacity: capacity), tokens: prompt,
                    promptCount: prompt.count,
                    sampler: Sampler(
                        options.sampling, stream: number, instructionSet: session.instructionSet),
                    end: options.maximumNewTokens > 0 ? nil : .length,
                    pendingCount: prompt.count))
        }
    }

    package var textCount: Int { texts.count }

    /// The tokens that follow the prompt of a text so far.
    package func newTokens(of text: Int) -> ArraySlice<Int32> {
        texts[text].tokens[texts[text].promptCount...]
    }

    /// Why a text has ended; nil while it goes on.
    package func end(of text: Int) -> GenerationEnd? { texts[text].end }

    package var isDone: Bool { texts.allSatisfy { $0.end != nil } }

    /// Ends a text, for instance because of what it says.
    package func stop(_ text: Int) {
        if texts[text].end == nil { texts[text].end = .stopped }
    }

    /// Adds a token to every text that goes on, or ends it.
    ///
    /// - Returns: the texts that have a new token.
    package func step() throws(RuntimeError) -> [Int] {
        var going = texts.indices.filter { texts[$0].end == nil }
        for text in going { try makeRoom(text) }
        going = going.filter { texts[$0].end == nil }
        guard !going.isEmpty else { return [] }
        // What comes before the last token only fills the cache.
        for text in going where texts[text].pendingCount > 1 {
            try session.fill(texts[text].cache, with: texts[text].pending.dropLast())
            texts[text].pendingCount = 1
        }
        let outputs = try session.extend(
            going.map { texts[$0].cache }, by: going.map { Array(texts[$0].pending) },
            outputs: [.nextLogits])
        var grown: [Int] = []
        for (text, output) in zip(going, outputs) {
            texts[text].pendingCount = 0
            let history = texts[text].tokens
            let token = texts[text].sampler.next(logits: output[0].values, history: history)
            if options.endTokens.contains(token) {
                texts[text].end = .endToken
                continue
            }
            texts[text].tokens.append(token)
            texts[text].pendingCount = 1
            grown.append(text)
            if texts[text].tokens.count - texts[text].promptCount >= options.maximumNewTokens {
                texts[text].end = .length
            }
        }
        return grown
    }

    /// Ends a text whose context is full, or lets it forget the first half.
    private func makeRoom(_ text: Int) throws(RuntimeError) {
        let cache = texts[text].cache
        let needed = cache.tokenCount + texts[text].pendingCount
        guard needed > cache.capacity else { return }
        guard options.slidesContext, cache.capacity > 1 else {
            texts[text].end = .context
            return
        }
        cache.clear()
        texts[text].pendingCount = max(1, cache.capacity / 2)
    }
}
