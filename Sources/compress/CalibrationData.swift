import CommandLineSupport
import EdgeTokenizer
import Evaluation
import ModelCompression
import ModelGraph

/// `--calibration`: inputs that passes may look at; labels in the file are not read.
struct CalibrationData {
    let set: CalibrationSet
    let warnings: [String]

    init(file: String, loaded: LoadedCheckpoint) throws(Failure) {
        let data: EvaluationSet
        do {
            data = try EvaluationSet(file: file)
        } catch {
            throw Failure(error.description, .wrongUsage)
        }
        var failures = data.failures
        var sequences: [TokenSequence] = []
        let tokenizer = try loaded.openTokenizer()
        for example in data.examples {
            do throws(LineProblem) {
                sequences.append(
                    try Self.sequence(example.input, tokenizer: tokenizer, model: loaded.model))
            } catch {
                failures.append(LineFailure(line: example.line, problem: error))
            }
        }
        guard !sequences.isEmpty else {
            throw Failure(
                EvaluationError.noExamples(file: file, first: failures.first).description,
                .wrongUsage)
        }
        set = CalibrationSet(sequences)
        warnings = failures.map { "\(file): \($0), line left out" }
    }

    private static func sequence(
        _ input: EvaluationExample.Input, tokenizer: Tokenizer?, model: Model
    ) throws(LineProblem) -> TokenSequence {
        let sequence: TokenSequence
        switch input {
        case .text(let text, let pair):
            guard let tokenizer else { throw .needs(member: "text", other: "tokenizer files") }
            let encoding = tokenizer.encode(text, pair: pair, maximumTokens: model.maximumTokens)
            sequence = TokenSequence(
                ids: encoding.ids, typeIDs: model.typeCount > 0 ? encoding.typeIDs : [])
        case .tokens(let tokens):
            sequence = tokens
        }
        do {
            _ = try SequenceBatch([sequence], for: model)
        } catch {
            throw .reference(error)
        }
        return sequence
    }
}
