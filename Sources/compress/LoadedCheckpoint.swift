import Checkpoints
import CommandLineSupport
import EdgeTokenizer
import ModelCompression
import ModelGraph
import Packaging

/// A checkpoint with its model and its tokenizer section.
struct LoadedCheckpoint {
    let checkpoint: Checkpoint
    let model: Model
    /// Nil for a model that runs from token ids only.
    let tokenizer: [UInt8]?
    private let tokenizerSource: TokenizerSource?
    private(set) var warnings: [String]

    /// - Throws: a failure with exit status 3 that names the file.
    init(path: String, task: ModelTask?) throws(Failure) {
        do {
            checkpoint = try Checkpoint(path: path)
        } catch {
            throw Failure(error.description, .invalidModel)
        }
        do {
            model = try Model(checkpoint: checkpoint, task: task).keepingAnswers()
        } catch {
            throw Failure("\(path): \(error.description)", .invalidModel)
        }
        warnings = checkpoint.warnings
        tokenizerSource = try Self.tokenizerSource(of: checkpoint, path: path)
        tokenizer = tokenizerSource?.makeBlob()
        if let tokenizerSource, tokenizerSource.vocabularySize > model.vocabularySize {
            throw Failure(
                "\(path): the tokenizer has \(tokenizerSource.vocabularySize) tokens, the model "
                    + "\(model.vocabularySize)", .invalidModel)
        }
        if tokenizer == nil {
            warnings.append(
                "\(path): there are no tokenizer files; the model will run from token ids only")
        }
        if tokenizer != nil, try Self.hasChatTemplate(checkpoint) {
            warnings.append(
                "\(path): the chat template is left out; texts are taken as they are, with the "
                    + "marks of their turns")
        }
    }

    private static func hasChatTemplate(_ checkpoint: Checkpoint) throws(Failure) -> Bool {
        do {
            if try checkpoint.file(named: "chat_template.jinja") != nil { return true }
            return try checkpoint.json(named: "tokenizer_config.json")?["chat_template"] != nil
        } catch {
            throw Failure(error.description, .invalidModel)
        }
    }

    /// The tokenizer that the device will use; nil if there is none.
    func openTokenizer() throws(Failure) -> Tokenizer? {
        guard let tokenizer else { return nil }
        do {
            return try Tokenizer(tokenizer)
        } catch {
            throw Failure("\(checkpoint.path): tokenizer: \(error)", .invalidModel)
        }
    }

    /// The tokenizer section for a model with these tokens.
    func tokenizer(keeping tokens: KeptTokens?) -> [UInt8]? {
        guard let tokens else { return tokenizer }
        return tokenizerSource?.keeping(tokens.ids).makeBlob()
    }

    /// Nil for a model that runs from token ids only.
    var vocabulary: VocabularyFacts? {
        tokenizerSource.map { source in
            VocabularyFacts(
                unknown: source.unknownID, required: source.requiredTokens,
                id: { source.id(of: $0) })
        }
    }

    func provenance() throws(CheckpointError) -> Provenance {
        try Provenance(checkpoint)
    }

    private static func tokenizerSource(
        of checkpoint: Checkpoint, path: String
    ) throws(Failure) -> TokenizerSource? {
        let json: [UInt8]?
        let vocabulary: [UInt8]?
        let pieces: [UInt8]?
        let configuration: [UInt8]?
        do {
            json = try checkpoint.file(named: "tokenizer.json")
            vocabulary = try checkpoint.file(named: "vocab.txt")
            pieces = try checkpoint.file(named: "tokenizer.model")
            configuration = try checkpoint.file(named: "tokenizer_config.json")
        } catch {
            throw Failure(error.description, .invalidModel)
        }
        guard json != nil || vocabulary != nil || pieces != nil else { return nil }
        do {
            return try TokenizerSource(
                tokenizerJSON: json, vocabularyText: vocabulary, sentencePieceModel: pieces,
                tokenizerConfigJSON: configuration
            )
        } catch {
            throw Failure("\(path): \(error.description)", .invalidModel)
        }
    }
}
