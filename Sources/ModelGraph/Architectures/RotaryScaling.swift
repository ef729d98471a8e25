import Checkpoints
import Glibc

/// The frequencies of a rotary embedding as a configuration describes them, whatever way it stretches
/// the context.
///
/// Everything is computed in float32 in the order in which Hugging Face computes it, so that angles
/// far from the beginning agree, too.
struct RotaryScaling {
    /// Radians per position, one per pair of columns.
    let frequencies: [Float]
    /// What sine and cosine are multiplied with.
    let scale: Float
    /// The longest input for which these frequencies are right; nil if they are for any.
    let maximumTokens: Int?

    /// What all of the ways read.
    private struct Context {
        let fields: ConfigurationFile
        let configuration: ConfigurationFile
        let base: Double
        /// Columns of a head that are turned.
        let size: Int
        let maximumTokens: Int

        /// base^(2 · i / size) for each pair i.
        var periods: [Float] {
            (0..<size / 2).map { pair in
                let exponent = Float(2 * pair) / Float(size)
                return Float(pow(Double(Float(base)), Double(exponent)))
            }
        }

        var factor: Double {
            get throws(ModelError) { try fields.requiredDouble("factor") }
        }
    }

    /// - Parameters:
    ///   - configuration: The whole of `config.json`.
    ///   - fields: `rope_scaling`; nil for frequencies as they are.
    ///   - base: `rope_theta`
    ///   - maximumTokens: `max_position_embeddings`
    init(
        _ configuration: ConfigurationFile, fields: ConfigurationFile?, base: Double,
        headSize: Int, maximumTokens: Int
    ) throws(ModelError) {
        let ownShare = try fields?.positiveDouble("partial_rotary_factor")
        let commonShare = try configuration.positiveDouble("partial_rotary_factor")
        let share = ownShare ?? commonShare ?? 1
        let size = share <= 1 ? Int(Double(headSize) * share) : 0
        guard size > 0, size % 2 == 0 else {
            throw configuration.unsupported(
                "partial_rotary_factor", "\(share)",
                "an even number of the \(headSize) columns of a head")
        }
        let context = Context(
            fields: fields ?? configuration, configuration: configuration, base: base, size: size,
            maximumTokens: maximumTokens)
        // Older configurations call it `type`.
        let (newKind, oldKind) = (try fields?.string("rope_type"), try fields?.string("type"))
        let kind = newKind ?? oldKind ?? "default"
        switch kind {
        // As long as an input is no longer than the context, `dynamic` changes nothing.
        case "default", "dynamic": self.init(context.periods.map { 1 / $0 })
        case "linear":
            let factor = Float(try context.factor)
            self.init(context.periods.map { 1 / $0 / factor })
        case "llama3": try self.init(llama3: context)
        case "yarn": try self.init(yarn: context)
        case "longrope", "su": try self.init(longRope: context)
        default:
            throw context.fields.unsupported(
                "rope_type", kind, "default, linear, dynamic, llama3, yarn, longrope")
        }
        guard frequencies.allSatisfy(\.isFinite), scale > 0, scale.isFinite else {
            throw configuration.unsupported(
                "rope_scaling", kind, "numbers that give finite frequencies")
        }
    }

    private init(_ frequencies: [Float], scale: Double = 1, maximumTokens: Int? = nil) {
        self.frequencies = frequencies
        self.scale = Float(scale)
        self.maximumTokens = maximumTokens
    }

    /// Long waves are stretched, short ones stay, and those in between do in part.
    ///
    /// Llama Team 2024 (arXiv 2407.21783); the rule is that of the published code.
    private init(llama3 context: Context) throws(ModelError) {
        let factor = Float(try context.factor)
        let low = try context.fields.requiredDouble("low_freq_factor")
        let high = try context.fields.requiredDouble("high_freq_factor")
        let original = Double(
            try context.fields.requiredCount("original_max_position_embeddings"))
        guard high > low else {
            throw context.fields.unsupported(
                "high_freq_factor", "\(high)", "more than low_freq_factor, \(low)")
        }
        self.init(
            context.periods.map { period in
                let frequency = 1 / period
                let wave = Float(2 * Double.pi) / frequency
                if wave > Float(original / low) { return frequency / factor }
                if wave < Float(original / high) { return frequency }
                let share = (Float(original) / wave - Float(low)) / Float(high - low)
                return (1 - share) * frequency / factor + share * frequency
            })
    }

    /// Between the pairs that turn often in the original context, which stay, and those that hardly
    /// turn, which are stretched, there is a ramp.
    ///
    /// Peng and others 2023 (YaRN, arXiv 2309.00071).
    private init(yarn context: Context) throws(ModelError) {
        let (fields, size) = (context.fields, Double(context.size))
        let factor = try context.factor
        let original = Double(
            try fields.count("original_max_position_embeddings") ?? context.maximumTokens)
        func pair(turning count: Double) -> Double {
            size * log(original / (count * 2 * .pi)) / (2 * log(context.base))
        }
        var low = pair(turning: try fields.positiveDouble("beta_fast") ?? 32)
        var high = pair(turning: try fields.positiveDouble("beta_slow") ?? 1)
        if try fields.bool("truncate") ?? true {
            (low, high) = (low.rounded(.down), high.rounded(.up))
        }
        (low, high) = (max(low, 0), min(high, size - 1))
        if low == high { high += 0.001 }
        let frequencies = context.periods.enumerated().map { index, period in
            let ramp = max(0, min(1, (Float(index) - Float(low)) / Float(high - low)))
            let kept = 1 - ramp
            return 1 / (Float(factor) * period) * (1 - kept) + 1 / period * kept
        }
        func attentionFactor(_ weight: Double) -> Double {
            factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1
        }
        var scale = try fields.positiveDouble("attention_factor") ?? attentionFactor(1)
        if fields.value("attention_factor") == nil,
            let some = fields.value("mscale")?.number, some != 0,
            let all = fields.value("mscale_all_dim")?.number, all != 0
        {
            scale = attentionFactor(some) / attentionFactor(all)
        }
        self.init(frequencies, scale: scale)
    }

    /// Each pair is stretched by a factor of its own.
    ///
    /// Ding and others 2024 (LongRoPE, arXiv 2402.13753). There are two sets of factors, for inputs
    /// within the original context and for longer ones; a model takes the first set, and no longer
    /// inputs.
    private init(longRope context: Context) throws(ModelError) {
        let fields = context.fields
        let factors = try fields.requiredDoubles("short_factor")
        guard factors.count == context.size / 2 else {
            throw fields.unsupported(
                "short_factor", "of \(factors.count) numbers", "\(context.size / 2) numbers")
        }
        var original = context.maximumTokens
        var stretch = try fields.positiveDouble("factor")
        if let count = try context.configuration.count("original_max_position_embeddings") {
            original = count
            stretch = Double(context.maximumTokens) / Double(count)
        } else if let count = try fields.count("original_max_position_embeddings") {
            original = count
            stretch = stretch ?? Double(context.maximumTokens) / Double(count)
        }
        var scale = try fields.positiveDouble("attention_factor")
        if scale == nil {
            guard let stretch else { throw fields.missing("factor", "a positive number") }
            scale = stretch <= 1 ? 1 : (1 + log(stretch) / log(Double(original))).squareRoot()
        }
        self.init(
            zip(context.periods, factors).map { 1 / (Float($1) * $0) }, scale: scale ?? 1,
            maximumTokens: original)
    }
}
