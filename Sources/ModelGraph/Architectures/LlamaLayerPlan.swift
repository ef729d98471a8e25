import Checkpoints

/// What the attention of one layer has of its own, by the configuration.
struct LlamaLayerPlan {
    /// How many keys a query sees; nil for all.
    let window: Int?
    /// Whether queries and keys are turned.
    let isRotary: Bool
    /// Whether they are turned by the base of windowed layers, if there is one.
    let isLocal: Bool

    /// The plans of all layers.
    static func plans(
        _ traits: LlamaTraits, _ configuration: ConfigurationFile, layerCount: Int
    ) throws(ModelError) -> [LlamaLayerPlan] {
        let isRotary = try rotaryLayers(traits, configuration, layerCount: layerCount)
        let isWindowed = try windowedLayers(
            traits, configuration, layerCount: layerCount, isRotary: isRotary)
        var window = try configuration.count("sliding_window")
        if configuration.json["sliding_window"] == nil { window = traits.defaultWindow }
        // Where all layers have the window, null stands for none.
        var mayLack = false
        if case .everyLayer = traits.windows { mayLack = true }
        if window == nil, isWindowed.contains(true), !mayLack {
            throw configuration.missing("sliding_window", "a positive integer")
        }
        return (0..<layerCount).map {
            LlamaLayerPlan(
                window: isWindowed[$0] ? window : nil, isRotary: isRotary[$0],
                isLocal: isWindowed[$0] && traits.windowBase != nil)
        }
    }

    private static func rotaryLayers(
        _ traits: LlamaTraits, _ configuration: ConfigurationFile, layerCount: Int
    ) throws(ModelError) -> [Bool] {
        guard traits.skipsRotary else { return [Bool](repeating: true, count: layerCount) }
        guard let value = configuration.value("no_rope_layers") else {
            let interval = try configuration.count("no_rope_layer_interval") ?? 4
            return (1...max(1, layerCount)).prefix(layerCount).map { $0 % interval != 0 }
        }
        // Despite its name, the field has 1 for layers with rotary embedding.
        let flags = value.array?.compactMap(\.integer) ?? []
        guard flags.count == layerCount, flags.allSatisfy({ $0 == 0 || $0 == 1 }) else {
            throw configuration.malformed(
                "no_rope_layers", "an array of \(layerCount) times 0 or 1", value)
        }
        return flags.map { $0 == 1 }
    }

    private static func windowedLayers(
        _ traits: LlamaTraits, _ configuration: ConfigurationFile, layerCount: Int,
        isRotary: [Bool]
    ) throws(ModelError) -> [Bool] {
        let named = try namedLayers(configuration, layerCount: layerCount)
        let all = [Bool](repeating: true, count: layerCount)
        let none = [Bool](repeating: false, count: layerCount)
        switch traits.windows {
        case .none:
            return none
        case .everyLayer:
            if let named, named != all {
                throw configuration.unsupported(
                    "layer_types", "with full attention", "a window in all layers")
            }
            return all
        case .laterLayers, .layersWithoutRotary:
            guard try configuration.bool("use_sliding_window") ?? false else {
                if let named, named != none {
                    throw configuration.unsupported(
                        "use_sliding_window", "false",
                        "true where layer_types has sliding_attention")
                }
                return none
            }
            if let named { return named }
            if case .layersWithoutRotary = traits.windows { return isRotary.map { !$0 } }
            let first = try configuration.natural("max_window_layers") ?? 28
            return (0..<layerCount).map { $0 >= first }
        case .allBut(let every):
            if let named { return named }
            let every = try configuration.count("sliding_window_pattern") ?? every
            return (0..<layerCount).map { ($0 + 1) % every != 0 }
        }
    }

    /// Which layers `layer_types` calls windowed; nil if there is no such field.
    private static func namedLayers(
        _ configuration: ConfigurationFile, layerCount: Int
    ) throws(ModelError) -> [Bool]? {
        guard configuration.value("layer_types") != nil else { return nil }
        let types = try configuration.strings("layer_types")
        guard types.count == layerCount else {
            throw .contradiction(
                field: "the length of layer_types", configured: types.count, found: layerCount)
        }
        var isWindowed: [Bool] = []
        for type in types {
            guard type == "full_attention" || type == "sliding_attention" else {
                throw configuration.unsupported(
                    "layer_types", type, "full_attention, sliding_attention")
            }
            isWindowed.append(type == "sliding_attention")
        }
        return isWindowed
    }
}
