/// In what the families differ that share the layout of Llama, and what Hugging Face takes where a
/// configuration leaves a field out.
struct LlamaTraits {
    /// Which layers see a sliding window only.
    enum Windows {
        case none
        /// All, by `sliding_window`.
        case everyLayer
        /// If `use_sliding_window` says so, those that `layer_types` names, else all from
        /// `max_window_layers` on.
        case laterLayers
        /// If `use_sliding_window` says so, those that `layer_types` names, else those without rotary
        /// embedding.
        case layersWithoutRotary
        /// Those that `layer_types` names, else all but every nth.
        case allBut(every: Int)
    }

    /// The `model_type` of a configuration.
    let family: String
    var windows = Windows.none
    /// The window where the configuration has no such field; nil for none.
    var defaultWindow: Int?
    /// Size of a head; nil for the hidden size divided by the number of heads.
    var defaultHeadSize: Int?
    var defaultBase = 10_000.0
    /// What windowed layers turn by, in place of `rope_theta` and `rope_scaling`: the field, and its
    /// default.
    var windowBase: (field: String, value: Double)?
    /// The first of these fields that is there names the activation.
    var activationFields = ["hidden_act"]
    var defaultActivation = "silu"
    /// Whether the token table is the head.
    var tiesHead = false
    /// Whether every head of queries and keys is normalized before it is turned.
    var normalizesHeads = false
    /// Whether normalizations multiply with 1 + weight.
    var addsOneToGamma = false
    /// Whether the embedding is multiplied with √hidden.
    var scalesEmbedding = false
    /// Whether what attention and feed-forward network give is normalized before it is added.
    var normalizesBranches = false
    /// Whether scores are divided by √`query_pre_attn_scalar` instead of √headSize.
    var hasQueryScalar = false
    /// Whether scores can be capped.
    var capsScores = false
    /// Whether queries, keys and values lie in one tensor, and both inner products of the
    /// feed-forward network in another.
    var fusesProducts = false
    var defaultEpsilon: Float = 1e-6
    /// Whether some layers go without rotary embedding, by `no_rope_layers`.
    var skipsRotary = false

    private init(family: String) {
        self.family = family
    }

    /// - Returns: nil for a family with another layout.
    static func known(_ family: String) -> LlamaTraits? {
        var traits = LlamaTraits(family: family)
        switch family {
        // Touvron and others 2023 (arXiv 2302.13971); SmolLM and many others are stored as Llama.
        case "llama":
            break
        // Jiang and others 2023 (arXiv 2310.06825).
        case "mistral":
            traits.windows = .everyLayer
            traits.defaultWindow = 4096
        // Qwen Team 2024 (arXiv 2407.10671).
        case "qwen2":
            traits.windows = .laterLayers
            traits.defaultWindow = 4096
        // Qwen Team 2025 (arXiv 2505.09388).
        case "qwen3":
            traits.windows = .laterLayers
            traits.defaultWindow = 4096
            traits.defaultHeadSize = 128
            traits.normalizesHeads = true
        // Bakouch and others 2025, SmolLM3.
        case "smollm3":
            traits.windows = .layersWithoutRotary
            traits.defaultBase = 2_000_000
            traits.tiesHead = true
            traits.skipsRotary = true
        // Abdin and others 2024 (arXiv 2404.14219).
        case "phi3":
            traits.windows = .everyLayer
            traits.fusesProducts = true
            traits.defaultEpsilon = 1e-5
        // Gemma Team 2024 (arXiv 2403.08295).
        case "gemma":
            traits.makeGemma()
            traits.activationFields = ["hidden_act"]
        // Gemma Team 2024 (arXiv 2408.00118).
        case "gemma2":
            traits.makeGemma()
            traits.windows = .allBut(every: 2)
            traits.defaultWindow = 4096
            traits.normalizesBranches = true
            traits.hasQueryScalar = true
            traits.capsScores = true
        // Gemma Team 2025 (arXiv 2503.19786), the text model.
        case "gemma3_text":
            traits.makeGemma()
            traits.windows = .allBut(every: 6)
            traits.defaultWindow = 4096
            traits.defaultBase = 1_000_000
            traits.windowBase = ("rope_local_base_freq", 10_000)
            traits.normalizesBranches = true
            traits.normalizesHeads = true
            traits.hasQueryScalar = true
        default:
            return nil
        }
        return traits
    }

    private mutating func makeGemma() {
        defaultHeadSize = 256
        activationFields = ["hidden_activation"]
        defaultActivation = "gelu_pytorch_tanh"
        tiesHead = true
        addsOneToGamma = true
        scalesEmbedding = true
    }
}
