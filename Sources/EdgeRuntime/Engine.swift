import CEdgeKernels
package import EdgeFormat
package import EdgeTokenizer

/// What a model is for.
package enum EngineTask: Sendable {
    case embed
    case classify
    case raw
    case generate

    /// The task with a name of the command line or the metadata, or nil.
    package init?(name: [UInt8]) {
        if name.elementsEqual("embed".utf8) {
            self = .embed
        } else if name.elementsEqual("classify".utf8) {
            self = .classify
        } else if name.elementsEqual("raw".utf8) {
            self = .raw
        } else if name.elementsEqual("generate".utf8) {
            self = .generate
        } else {
            return nil
        }
    }

    package var name: StaticString {
        switch self {
        case .embed: "embed"
        case .classify: "classify"
        case .raw: "raw"
        case .generate: "generate"
        }
    }
}

/// The classes of a text with their probabilities.
package struct Classification: Equatable, Sendable {
    /// Index of the most probable class; the first of equals.
    package let best: Int
    /// One probability for each class.
    package let scores: [Float]
    package let logits: [Float]
}

/// A session with the tokenizer and the labels of its container.
package final class Engine {
    package let session: Session
    /// Nil for a model that runs from token ids only.
    package let tokenizer: Tokenizer?
    /// What the model was made for.
    package let task: EngineTask
    /// Names of the classes, UTF-8.
    package let labels: [[UInt8]]
    /// Tokens that end a text.
    package let endTokens: [Int32]

    package init(_ container: Container, options: SessionOptions) throws(RuntimeError) {
        let metadata = container.directory.metadata
        do {
            task = try Self.task(of: metadata)
        } catch {
            throw .format(error)
        }
        if case .texts(let labels)? = metadata["labels"] {
            self.labels = labels
        } else {
            labels = []
        }
        do {
            endTokens = try Self.endTokens(in: metadata)
        } catch {
            throw .format(error)
        }
        var loaded: Result<Tokenizer?, RuntimeError> = .success(nil)
        session = try Session(container, options: options) {
            do throws(RuntimeError) {
                loaded = .success(try Self.tokenizer(of: container))
            } catch {
                loaded = .failure(error)
            }
        }
        tokenizer = try loaded.get()
        if let logits = session.program.output(.logits), !labels.isEmpty {
            let columns = session.program.values[logits].columnCount
            guard columns == labels.count else {
                throw .format(
                    .wrongValue(
                        field: "number of labels", expected: UInt64(columns),
                        found: UInt64(labels.count)))
            }
        }
    }

    /// The tokenizer of a container; nil if it has none.
    package static func tokenizer(of container: Container) throws(RuntimeError) -> Tokenizer? {
        guard let index = container.directory.tensor(named: Array("tokenizer".utf8)) else {
            return nil
        }
        let tensor = container.directory.tensors[index]
        let decoder = try ChunkDecoder(container, kernels: InstructionSet.fastest.kernels)
        let bytes = try decoder.bytes(of: tensor)
        let blob = Array(
            UnsafeRawBufferPointer(start: bytes.start, count: tensor.rawByteCount))
        let tokenizer: Tokenizer
        do {
            tokenizer = try Tokenizer(blob)
        } catch {
            throw .tokenizer(error)
        }
        let vocabularySize = container.directory.program.vocabularySize
        guard tokenizer.vocabularySize <= vocabularySize else {
            throw .format(
                .wrongValue(
                    field: "vocabulary of the tokenizer", expected: UInt64(vocabularySize),
                    found: UInt64(tokenizer.vocabularySize)))
        }
        return tokenizer
    }

    private static func task(of metadata: Metadata) throws(FormatError) -> EngineTask {
        let name = try metadata.text("task")
        guard let task = EngineTask(name: name) else { throw .unknownFeature(name: name) }
        return task
    }

    /// Decimal numbers.
    private static func endTokens(in metadata: Metadata) throws(FormatError) -> [Int32] {
        guard case .texts(let texts)? = metadata["end_tokens"] else { return [] }
        var tokens: [Int32] = []
        for text in texts {
            var number: Int32 = 0
            for digit in text {
                let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
                guard digit >= 0x30, digit <= 0x39, !overflow, tens <= .max - 9 else {
                    throw .unknownCode(field: "end token", code: UInt64(digit))
                }
                number = tens + Int32(digit - 0x30)
            }
            tokens.append(number)
        }
        return tokens
    }

    /// The tokens of a text with the special tokens of the model, cut to what the model takes.
    package func encode(_ text: [UInt8], pair: [UInt8]?) throws(RuntimeError) -> Encoding {
        guard let tokenizer else { throw .noTokenizer }
        return tokenizer.encode(text, pair: pair, maximumTokens: session.maximumTokens)
    }

    /// The value that answers a task; nil if the model cannot do it.
    package func answer(to task: EngineTask) -> ProgramValue? {
        let program = session.program
        if task == .generate, !program.generates { return nil }
        guard let index = program.output(outputCode(for: task)) else { return nil }
        let value = program.values[index]
        // Embeddings and classes are of the whole input.
        return task == .raw || value.fixedRows == 1 ? value : nil
    }

    /// The output that answers a task.
    package func outputCode(for task: EngineTask) -> OutputCode {
        switch task {
        case .embed: .embedding
        case .classify: .logits
        case .raw: session.hasOutput(.logits) ? .logits : .hiddenState
        case .generate: .nextLogits
        }
    }

    /// The sentence embedding of a sequence.
    package func embed(tokenIDs: [Int32], typeIDs: [Int32]) throws(RuntimeError) -> [Float] {
        try session.run(tokenIDs: tokenIDs, typeIDs: typeIDs, outputs: [.embedding])[0].values
    }

    /// The classes of a sequence.
    package func classify(
        tokenIDs: [Int32], typeIDs: [Int32]
    ) throws(RuntimeError) -> Classification {
        classification(
            of: try session.run(tokenIDs: tokenIDs, typeIDs: typeIDs, outputs: [.logits])[0].values)
    }

    /// The classes that logits stand for.
    package func classification(of logits: [Float]) -> Classification {
        var scores = [Float](repeating: 0, count: logits.count)
        session.instructionSet.kernels.softmax(logits, Int64(logits.count), &scores)
        var best = 0
        for (index, logit) in logits.enumerated() where logit > logits[best] { best = index }
        return Classification(best: best, scores: scores, logits: logits)
    }

    /// The plain tensor that a model makes: logits of a head, else the last hidden state.
    package func raw(tokenIDs: [Int32], typeIDs: [Int32]) throws(RuntimeError) -> Output {
        try session.run(
            tokenIDs: tokenIDs, typeIDs: typeIDs, outputs: [outputCode(for: .raw)])[0]
    }
}
