import CommandLineSupport
import EdgeRuntime

extension Responder {
    /// Whether what is generated can be text.
    var givesText: Bool { GeneratedText(engine.tokenizer, stops: []) != nil }

    /// Makes the text of one input longer; `progress` is given what comes, as soon as it is certain.
    func generate(
        _ input: InputLine, progress: (ArraySlice<UInt8>) -> Void
    ) throws(LineFailure) -> Response {
        let prepared = try prepare(input)
        do throws(RuntimeError) {
            return try generate([prepared], progress: progress)[0]
        } catch {
            throw LineFailure(error)
        }
    }

    /// Makes texts longer, all together, with the bits that each gets alone.
    ///
    /// - Parameter progress: is given what each step adds to the text of the first input.
    func generate(
        _ inputs: [Prepared], progress: (ArraySlice<UInt8>) -> Void = { _ in }
    ) throws(RuntimeError) -> [Response] {
        let generator = try Generator(
            engine.session, prompts: inputs.map { $0.sequence.tokenIDs },
            options: generation.options(for: engine))
        var texts = inputs.map { _ in GeneratedText(engine.tokenizer, stops: generation.stops) }
        while !generator.isDone {
            for text in try generator.step() {
                guard let token = generator.newTokens(of: text).last else { continue }
                texts[text]?.append(token)
                if texts[text]?.isStopped == true { generator.stop(text) }
            }
            if let piece = texts.first?.flatMap({ _ in texts[0]?.takeCertain(isLast: false) }) {
                progress(piece)
            }
        }
        for text in texts.indices { texts[text]?.finish() }
        if let piece = texts.first?.flatMap({ _ in texts[0]?.takeCertain(isLast: true) }) {
            progress(piece)
        }
        return inputs.indices.map { index in
            response(
                to: inputs[index], tokens: generator.newTokens(of: index),
                text: texts[index]?.bytes, end: generator.end(of: index))
        }
    }

    private func response(
        to prepared: Prepared, tokens: ArraySlice<Int32>, text: [UInt8]?, end: GenerationEnd?
    ) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("ids")
        json.beginArray()
        for token in tokens { json.integer(Int(token)) }
        json.endArray()
        if let text {
            json.key("text")
            json.string(text)
        }
        json.key("end")
        let reason: StaticString =
            switch end {
            case .endToken: "end token"
            case .length, nil: "length"
            case .context: "context"
            case .stopped: "stop"
            }
        json.string(reason.withUTF8Buffer { Array($0) })
        json.endObject()
        return Response(
            json: json.bytes, text: text ?? json.bytes,
            tokenCount: prepared.sequence.tokenIDs.count, truncatedFrom: nil)
    }
}
