import CommandLineSupport
import EdgeTokenizer
import Evaluation
import ModelCompression
import ModelGraph

/// `--calibration`: inputs that passes may look at; they do not read labels in the file.
struct CalibrationData {
    let set: CalibrationSet
    /// Examples that no pass sees, with their labels; nil unless some were to be kept from them.
    let judged: EvaluationSet?
    let warnings: [String]

    /// - Parameter judging: Whether every third example is kept from the passes.
    init(file: String, loaded: LoadedCheckpoint, judging: Bool = false) throws(Failure) {
        let data: EvaluationSet
        do {
            data = try EvaluationSet(file: file)
        } catch {
            throw Failure(error.description, .wrongUsage)
        }
        var failures = data.failures
        var sequences: [TokenSequence] = []
        var judged: [EvaluationExample] = []
        let tokenizer = try loaded.openTokenizer()
        for example in data.examples {
            do throws(LineProblem) {
                let sequence = try Self.sequence(
                    example.input, tokenizer: tokenizer, model: loaded.model)
                if judging && (sequences.count + judged.count) % 3 == 2 {
                    judged.append(example)
                } else {
                    sequences.append(sequence)
                }
            } catch {
                failures.append(LineFailure(line: example.line, problem: error))
            }
        }
        failures.sort { $0.line < $1.line }
        guard !sequences.isEmpty else {
            throw Failure(
                EvaluationError.noExamples(file: file, first: failures.first).description,
                .wrongUsage)
        }
        set = CalibrationSet(sequences)
        if judging && judged.isEmpty {
            throw Failure(
                "\(file): \(sequences.count) inputs are too few for --max-drop, "
                    + "which keeps every third one from the passes", .wrongUsage)
        }
        self.judged = judging ? EvaluationSet(file: file, examples: judged) : nil
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
