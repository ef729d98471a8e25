import Checkpoints

/// What decoders have in common behind their last layer.
struct DecoderHead {
    /// Parameter of shape `[vocabulary, hidden]`.
    let weight: String
    let vocabularySize: Int
    /// Scores s become cap · tanh(s / cap).
    var cap: Float?

    /// Binds the head of a decoder.
    ///
    /// - Parameters:
    ///   - isTied: Whether the head is the token table where the configuration says nothing.
    ///   - architecture: The class that the checkpoint was saved from, if known.
    /// - Returns: nil for a model without head, which only `raw` can take.
    static func bind(
        _ binder: inout ParameterBinder, _ configuration: ConfigurationFile, tokenTable: String,
        tokenShape: [Int], isTied: Bool, task: ModelTask?, architecture: String?
    ) throws(ModelError) -> DecoderHead? {
        let name = "lm_head.weight"
        if try configuration.bool("tie_word_embeddings") ?? isTied {
            return DecoderHead(weight: tokenTable, vocabularySize: tokenShape[0])
        }
        if binder.has(name) {
            try binder.bind(name, [tokenShape[0], tokenShape[1]])
            return DecoderHead(weight: name, vocabularySize: tokenShape[0])
        }
        let isBare = architecture?.hasSuffix("Model") == true
        guard task == .raw || (task == nil && isBare) else {
            throw .noHead(tensor: binder.fullName(name))
        }
        return nil
    }

    /// What a decoder is to be used for.
    ///
    /// - Parameter requested: nil takes `generate` if there is a head, else `raw`.
    static func task(
        _ requested: ModelTask?, hasHead: Bool, architecture: String?
    ) throws(ModelError) -> ModelTask {
        let otherHeads = [
            "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
        ]
        if requested != .raw, let architecture,
            otherHeads.contains(where: { architecture.hasSuffix($0) })
        {
            throw .unsupportedHead(architecture: architecture)
        }
        switch requested {
        case .classify: throw .taskUnavailable(.classify, missing: "classifier")
        case .embed: throw .taskUnavailable(.embed, missing: "pooling that is supported")
        case .generate: return .generate
        case .raw: return .raw
        case nil: return hasHead ? .generate : .raw
        }
    }
}

extension Graph {
    /// Appends the head twice, over all rows and over the last one, and names the outputs.
    ///
    /// Both read the same weight.
    ///
    /// - Parameter state: `[tokens, hidden]`
    mutating func appendHead(_ head: DecoderHead?, _ state: ValueID) {
        outputs[.hiddenState] = state
        guard let head else { return }
        let columns = self[state].columnCount
        outputs[.logits] = appendScores("lm_head", head, state)
        let last = append(
            "lm_head.last", .pool(.lastRow), inputs: [state], rows: .fixed(1),
            columnCount: columns)
        outputs[.nextLogits] = appendScores("lm_head.next", head, last)
    }

    private mutating func appendScores(
        _ name: String, _ head: DecoderHead, _ state: ValueID
    ) -> ValueID {
        let (rows, columns) = (self[state].rows, head.vocabularySize)
        let scores = append(
            name, .linear(Linear(weight: head.weight, bias: nil)), inputs: [state], rows: rows,
            columnCount: columns)
        guard let cap = head.cap else { return scores }
        let steps: [(String, Operation)] = [
            (".divided", .scale(1 / cap)), (".tanh", .activation(.tanh)), (".capped", .scale(cap)),
        ]
        return steps.reduce(scores) { value, step in
            append(name + step.0, step.1, inputs: [value], rows: rows, columnCount: columns)
        }
    }
}
