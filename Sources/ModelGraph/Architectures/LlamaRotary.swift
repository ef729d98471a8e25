/// The rotary embeddings of a model, each computed when a layer first needs it.
struct LlamaRotary {
    private let traits: LlamaTraits
    private let configuration: ConfigurationFile
    private let contextTokens: Int
    private var known: [Bool: RotaryEmbedding] = [:]
    /// The longest input that the frequencies are right for; nil for any.
    private(set) var maximumTokens: Int?

    init(_ traits: LlamaTraits, _ configuration: ConfigurationFile, maximumTokens: Int) {
        self.traits = traits
        self.configuration = configuration
        contextTokens = maximumTokens
    }

    /// What turns the queries and keys of a layer.
    ///
    /// - Parameters:
    ///   - isLocal: Whether the layer has the base of windowed layers.
    ///   - headSize: At most the width of a tensor of the checkpoint, so that there is memory for
    ///     its frequencies.
    mutating func operation(
        isLocal: Bool, headSize: Int, binder: inout ParameterBinder
    ) throws(ModelError) -> RotaryEmbedding {
        if let operation = known[isLocal] { return operation }
        let scaling = try scaling(isLocal: isLocal, headSize: headSize)
        if let limit = scaling.maximumTokens { maximumTokens = min(limit, maximumTokens ?? limit) }
        let name = isLocal ? "rotary.local_frequencies" : "rotary.frequencies"
        binder.add(name, scaling.frequencies)
        let operation = RotaryEmbedding(
            frequencies: name, headSize: headSize, scale: scaling.scale)
        known[isLocal] = operation
        return operation
    }

    private func scaling(isLocal: Bool, headSize: Int) throws(ModelError) -> RotaryScaling {
        // Newer configurations have all of it in one object, or one for each kind of layer.
        let all = try configuration.object("rope_parameters")
        let own = try all?.object(isLocal ? "sliding_attention" : "full_attention")
        let fields = own ?? all
        if fields == nil, isLocal, let local = traits.windowBase {
            return try RotaryScaling(
                configuration, fields: nil,
                base: try configuration.positiveDouble(local.field) ?? local.value,
                headSize: headSize, maximumTokens: contextTokens)
        }
        let ownBase = try fields?.positiveDouble("rope_theta")
        let commonBase = try configuration.positiveDouble("rope_theta")
        let scaling = try configuration.object("rope_scaling")
        return try RotaryScaling(
            configuration, fields: fields ?? scaling,
            base: ownBase ?? commonBase ?? traits.defaultBase, headSize: headSize,
            maximumTokens: contextTokens)
    }
}
