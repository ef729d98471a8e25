package import Checkpoints

extension Model {
    /// Builds the graph of a checkpoint; weights stay in the checkpoint.
    ///
    /// - Parameter task: What the model shall be used for; nil takes `generate` for a decoder with a
    ///   head, `classify` if there is a classifier head, `embed` if there is a sentence-transformers
    ///   pooling, else `raw`.
    package init(checkpoint: Checkpoint, task: ModelTask? = nil) throws(ModelError) {
        guard let json = checkpoint.configuration else {
            throw .noConfiguration(path: checkpoint.path)
        }
        let configuration = ConfigurationFile(name: "config.json", json: json)
        let architectures = try configuration.strings("architectures")
        let modelType = try configuration.string("model_type")
        let family = modelType ?? (architectures.first?.hasPrefix("Bert") == true ? "bert" : nil)
        if family == "bert" {
            self = try BertArchitecture(checkpoint: checkpoint, configuration: configuration)
                .model(task: task, architecture: architectures.first)
        } else if family == "gpt2" {
            self = try GPT2Architecture(checkpoint: checkpoint, configuration: configuration)
                .model(task: task, architecture: architectures.first)
        } else if let traits = family.flatMap({ LlamaTraits.known($0) }) {
            self = try LlamaArchitecture(
                checkpoint: checkpoint, configuration: configuration, traits: traits
            ).model(task: task, architecture: architectures.first)
        } else {
            throw .unsupportedArchitecture(family ?? architectures.first ?? "")
        }
        try validate()
    }
}
