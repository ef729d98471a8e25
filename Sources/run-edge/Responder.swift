import CommandLineSupport
import EdgeFormat
import EdgeRuntime
import EdgeTokenizer

/// What a model answers to one input.
struct Response {
    /// One JSON object.
    let json: [UInt8]
    /// The same for a person.
    let text: [UInt8]
    let tokenCount: Int
    /// The number of tokens before the text was cut, if it was.
    let truncatedFrom: Int?
}

/// Answers inputs with one model and task.
struct Responder {
    let engine: Engine
    let task: EngineTask
    /// How texts go on, for the task `generate`.
    let generation: GenerationArguments

    /// - Throws: a failure if the model does not compute what the task needs.
    init(
        _ engine: Engine, task: EngineTask, generation: GenerationArguments, model path: [UInt8]
    ) throws(Failure) {
        self.engine = engine
        self.task = task
        self.generation = generation
        guard engine.answer(to: task) != nil else {
            let name = String(decoding: path, as: UTF8.self)
            let wanted = task.name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
            let own = engine.task.name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
            throw Failure(
                "\(name): the model was made for the task '\(own)' and cannot do '\(wanted)'",
                .wrongUsage)
        }
    }

    /// An input as the model takes it.
    struct Prepared {
        var sequence: BatchSequence
        /// The number of tokens before the text was cut, if it was.
        var truncatedFrom: Int?
    }

    func prepare(_ input: InputLine) throws(LineFailure) -> Prepared {
        if let ids = input.ids {
            return Prepared(
                sequence: BatchSequence(tokenIDs: ids, typeIDs: input.typeIDs ?? []))
        }
        guard let text = input.text else {
            throw LineFailure("the line has neither 'text' nor 'ids'")
        }
        for part in [text, input.textPair ?? []] where !isValidUTF8(part) {
            throw LineFailure("the text is not valid UTF-8")
        }
        do throws(RuntimeError) {
            let encoding = try engine.encode(text, pair: input.textPair)
            let isCut = encoding.untruncatedCount > encoding.ids.count
            if isCut, task == .generate {
                // What is cut off is what the text should go on from.
                throw .tooManyTokens(
                    count: encoding.untruncatedCount, limit: engine.session.maximumTokens)
            }
            return Prepared(
                sequence: BatchSequence(tokenIDs: encoding.ids, typeIDs: encoding.typeIDs),
                truncatedFrom: isCut ? encoding.untruncatedCount : nil)
        } catch {
            throw LineFailure(error)
        }
    }

    func respond(to input: InputLine) throws(LineFailure) -> Response {
        let prepared = try prepare(input)
        return try respondAlone(to: prepared).get()
    }

    private func respondAlone(to prepared: Prepared) -> Result<Response, LineFailure> {
        do throws(RuntimeError) {
            if task == .generate { return .success(try generate([prepared])[0]) }
            let outputs = try engine.session.run(
                [prepared.sequence], outputs: [engine.outputCode(for: task)])
            return .success(response(to: prepared, outputs[0][0]))
        } catch {
            return .failure(LineFailure(error))
        }
    }

    /// Answers inputs together where they can all be answered, else each alone.
    func respond(to inputs: [Result<Prepared, LineFailure>]) -> [Result<Response, LineFailure>] {
        let good = inputs.compactMap { try? $0.get() }
        if good.count > 1, let responses = try? respondTogether(to: good) {
            var next = 0
            return inputs.map { input in
                input.map { _ in
                    defer { next += 1 }
                    return responses[next]
                }
            }
        }
        return inputs.map { input in input.flatMap { respondAlone(to: $0) } }
    }

    private func respondTogether(to inputs: [Prepared]) throws(RuntimeError) -> [Response] {
        if task == .generate { return try generate(inputs) }
        let outputs = try engine.session.run(
            inputs.map { $0.sequence }, outputs: [engine.outputCode(for: task)])
        return inputs.indices.map { response(to: inputs[$0], outputs[$0][0]) }
    }

    /// Texts that are generated together: each has a cache of keys and values.
    private static let maximumTexts = 16

    /// Rows that an input takes in a batch.
    func batchRows(_ prepared: Prepared) -> Int {
        if task == .generate { return max(1, batchLimit / Self.maximumTexts) }
        return engine.session.batchRows([prepared.sequence])
    }

    /// Rows of a batch from which on more inputs make none of them faster.
    var batchLimit: Int {
        min(engine.session.maximumBatchRows, 64 * engine.session.threadCount)
    }

    private func response(to prepared: Prepared, _ output: Output) -> Response {
        var json = JSONWriter()
        var text: [UInt8]?
        json.beginObject()
        switch task {
        case .embed:
            json.key("embedding")
            write(output.values[...], to: &json)
        case .classify:
            let classes = engine.classification(of: output.values)
            json.key("label")
            json.string(label(classes.best))
            json.key("score")
            json.float(classes.scores[classes.best])
            json.key("scores")
            json.beginObject()
            for (index, score) in classes.scores.enumerated() {
                json.key(label(index))
                json.float(score)
            }
            json.endObject()
            text = table(classes)
        case .raw:
            json.key("shape")
            json.beginArray()
            json.integer(output.rowCount)
            json.integer(output.columnCount)
            json.endArray()
            json.key("output")
            json.beginArray()
            for row in 0..<output.rowCount {
                let start = row * output.columnCount
                write(output.values[start..<start + output.columnCount], to: &json)
            }
            json.endArray()
        case .generate:
            preconditionFailure("a text is generated in steps")
        }
        if let truncatedFrom = prepared.truncatedFrom {
            json.key("truncated_from")
            json.integer(truncatedFrom)
        }
        json.endObject()
        return Response(
            json: json.bytes, text: text ?? json.bytes,
            tokenCount: prepared.sequence.tokenIDs.count, truncatedFrom: prepared.truncatedFrom)
    }

    private func label(_ index: Int) -> [UInt8] {
        index < engine.labels.count ? engine.labels[index] : Array("\(index)".utf8)
    }

    /// The five most probable classes, one a line.
    private func table(_ classes: Classification) -> [UInt8] {
        let order = stableOrder(of: classes.scores.count) {
            classes.scores[$0] > classes.scores[$1]
        }
        var lines: [UInt8] = []
        for index in order.prefix(5) {
            if !lines.isEmpty { lines.append(0x0a) }
            let tenthsOfPercent = Int(classes.scores[index] * 1000 + 0.5)
            let percent = "\(tenthsOfPercent / 10).\(tenthsOfPercent % 10) %"
            for _ in percent.utf8.count..<7 { lines.append(0x20) }
            lines += Array(percent.utf8) + [0x20, 0x20] + label(index)
        }
        return lines
    }

    private func write(_ numbers: ArraySlice<Float>, to json: inout JSONWriter) {
        json.beginArray()
        for number in numbers { json.float(number) }
        json.endArray()
    }
}
