import CAttenuate
import CEdgeKernels
import CEdgePlatform
import EdgeFormat
import EdgeRuntime
import EdgeTokenizer

/// What a handle stands for.
final class OpenedModel {
    private let engine: Engine
    private let labels: LabelTexts?
    /// Held while the session computes, which one thread at a time may.
    private let lock: OpaquePointer

    init(_ container: Container, options: SessionOptions) throws(Refusal) {
        do {
            engine = try Engine(container, options: options)
            let classes = engine.answer(to: .classify)?.columnCount ?? 0
            labels = classes == 0 ? nil : try LabelTexts(engine.labels, count: classes)
        } catch {
            throw Refusal(error)
        }
        guard let lock = edgep_lock_create() else {
            throw Refusal(ATTENUATE_OUT_OF_MEMORY, "no memory is available for a lock")
        }
        self.lock = lock
    }

    deinit {
        edgep_lock_destroy(lock)
    }

    // MARK: Facts

    private var directory: ContainerDirectory { engine.session.container.directory }

    func info() -> attenuate_info {
        var info = attenuate_info()
        info.task = Self.task(engine.task)
        info.maximum_tokens = Int32(directory.program.maximumTokens)
        info.vocabulary_size = Int32(directory.program.vocabularySize)
        info.type_count = Int32(clamping: directory.program.typeCount)
        info.has_tokenizer = engine.tokenizer == nil ? 0 : 1
        info.embedding_size = Int32(engine.answer(to: .embed)?.columnCount ?? 0)
        info.class_count = Int32(engine.answer(to: .classify)?.columnCount ?? 0)
        if let raw = engine.answer(to: .raw) {
            info.raw_row_count = Int32(clamping: raw.fixedRows ?? 0)
            info.raw_column_count = Int32(raw.columnCount)
        }
        info.thread_count = Int32(engine.session.threadCount)
        let need = MemoryNeed(
            directory, tokenCount: directory.program.maximumTokens,
            threadCount: engine.session.threadCount,
            instructionSet: engine.session.instructionSet)
        info.memory_bytes = UInt64(need.total)
        info.instruction_set = engine.session.instructionSet.kernels.name
        return info
    }

    func label(_ index: Int) -> UnsafePointer<CChar>? {
        labels?[index]
    }

    private static func task(_ task: EngineTask) -> attenuate_task {
        switch task {
        case .embed: attenuate_task(ATTENUATE_EMBED)
        case .classify: attenuate_task(ATTENUATE_CLASSIFY)
        // The interface has no steps: a model that generates gives the logits of all tokens.
        case .raw, .generate: attenuate_task(ATTENUATE_RAW)
        }
    }

    private func task(_ task: attenuate_task) throws(Refusal) -> EngineTask {
        switch Int(task) {
        case ATTENUATE_DEFAULT: return engine.task == .generate ? .raw : engine.task
        case ATTENUATE_EMBED: return .embed
        case ATTENUATE_CLASSIFY: return .classify
        case ATTENUATE_RAW: return .raw
        default: throw .argument("there is no task \(task)")
        }
    }

    /// What the program computes for a task.
    private func value(for task: EngineTask) throws(Refusal) -> ProgramValue {
        guard let value = engine.answer(to: task) else {
            throw Refusal(
                ATTENUATE_UNSUPPORTED,
                "the model was made for the task '\(Self.name(engine.task))' and cannot do "
                    + "'\(Self.name(task))'")
        }
        return value
    }

    private static func name(_ task: EngineTask) -> String {
        task.name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: Work

    func encode(_ texts: TextPair) throws(Refusal) -> TokenizedInput {
        do {
            let encoding = try engine.encode(texts.text, pair: texts.pair)
            return TokenizedInput(
                sequence: BatchSequence(tokenIDs: encoding.ids, typeIDs: encoding.typeIDs),
                totalCount: encoding.untruncatedCount)
        } catch {
            throw Refusal(error)
        }
    }

    /// Checks the number of tokens, before they are read.
    func check(tokenCount: Int) throws(Refusal) {
        if tokenCount == 0 { throw Refusal(.emptyInput) }
        let limit = engine.session.maximumTokens
        if tokenCount > limit { throw Refusal(.tooManyTokens(count: tokenCount, limit: limit)) }
    }

    /// Computes into `values`, or only what it needs to be if it is too small.
    func run(
        _ task: attenuate_task, _ input: TokenizedInput, into values: OutputBuffer<Float>,
        _ result: UnsafeMutablePointer<attenuate_result>?
    ) throws(Refusal) {
        let task = try self.task(task)
        let value = try value(for: task)
        let tokenCount = input.sequence.tokenIDs.count
        var shape = attenuate_result()
        shape.row_count = value.rowCount(tokenCount: tokenCount)
        shape.column_count = value.columnCount
        shape.token_count = tokenCount
        shape.total_token_count = input.totalCount
        shape.best_class = -1
        let (count, isTooMany) = shape.row_count.multipliedReportingOverflow(by: value.columnCount)
        guard !isTooMany, count <= Int.max / 4 else {
            throw Refusal(.outOfMemory(byteCount: Int.max))
        }
        do {
            try values.check(count, "floats")
        } catch {
            result?.pointee = shape
            throw error
        }
        let computed = try compute(task, input.sequence)
        if case .classify = task {
            let classes = engine.classification(of: computed)
            shape.best_class = Int32(classes.best)
            values.write(classes.scores)
        } else {
            values.write(computed)
        }
        result?.pointee = shape
    }

    private func compute(
        _ task: EngineTask, _ sequence: BatchSequence
    ) throws(Refusal) -> [Float] {
        edgep_lock_acquire(lock)
        defer { edgep_lock_release(lock) }
        do {
            return try engine.session.run(
                [sequence], outputs: [engine.outputCode(for: task)])[0][0].values
        } catch {
            throw Refusal(error)
        }
    }
}

/// Tokens, and how many there would be if the text had not been cut.
struct TokenizedInput {
    let sequence: BatchSequence
    let totalCount: Int
}
