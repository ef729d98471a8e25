import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// The options that say how a text goes on.
struct GenerationArguments {
    static let list: [(StaticString, OptionList.Kind)] = [
        ("--max-tokens", .value), ("--temperature", .value), ("--top-k", .value),
        ("--top-p", .value), ("--repetition-penalty", .value), ("--seed", .value),
        ("--stop", .values), ("--slide", .flag),
    ]

    private let options: GenerationOptions
    /// Texts that end what is generated; they are no part of it.
    let stops: [[UInt8]]

    init(_ arguments: Arguments) throws(Failure) {
        var sampling = SamplingOptions()
        var options = GenerationOptions()
        do {
            if let count = try arguments.integer("--max-tokens", in: 1...(1 << 24)) {
                options.maximumNewTokens = count
            }
            if let temperature = try arguments.number("--temperature", in: 0...100) {
                sampling.temperature = temperature
            }
            if let count = try arguments.integer("--top-k", in: 0...(1 << 24)) {
                sampling.topK = count
            }
            if let share = try arguments.number("--top-p", in: 0...1) { sampling.topP = share }
            if let penalty = try arguments.number("--repetition-penalty", in: 1...100) {
                sampling.repetitionPenalty = penalty
            }
            if let seed = try arguments.integer("--seed", in: 0...Int(Int32.max)) {
                sampling.seed = UInt64(seed)
            }
        } catch {
            throw Failure(error)
        }
        stops = arguments.values("--stop").filter { !$0.isEmpty }
        options.sampling = sampling
        options.slidesContext = arguments.has("--slide")
        self.options = options
    }

    /// The options with the tokens that end a text of the model.
    func options(for engine: Engine) -> GenerationOptions {
        var options = options
        options.endTokens = engine.endTokens
        return options
    }
}
