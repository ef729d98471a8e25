package import Checkpoints

extension Model {
    /// Builds the graph of a checkpoint; weights stay in the checkpoint.
    ///
    /// - Parameter task: What the model shall be used for; nil takes `classify` if there is a
    ///   classifier head, else `embed` if there is a sentence-transformers pooling, else `raw`.
    package init(checkpoint: Checkpoint, task: ModelTask? = nil) throws(ModelError) {
        guard let json = checkpoint.configuration else {
            throw .noConfiguration(path: checkpoint.path)
        }
        let configuration = ConfigurationFile(name: "config.json", json: json)
        let architectures = try configuration.strings("architectures")
        let modelType = try configuration.string("model_type")
        let family = modelType ?? (architectures.first?.hasPrefix("Bert") == true ? "bert" : nil)
        switch family {
        case "bert":
            self = try BertArchitecture(checkpoint: checkpoint, configuration: configuration)
                .model(task: task, architecture: architectures.first)
        default:
            throw .unsupportedArchitecture(family ?? architectures.first ?? "")
        }
        try validate()
    }
}
