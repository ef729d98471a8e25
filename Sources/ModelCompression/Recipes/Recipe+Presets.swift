extension Recipe {
    /// Linear layers and the token embedding in int8, near-lossless.
    package static let int8 = preset("int8", PackageResources.int8_json)
    /// About half of int8's file.
    package static let small = preset("small", PackageResources.small_json)
    /// Half of the multiply-accumulates of heads and neurons.
    package static let fast = preset("fast", PackageResources.fast_json)
    /// Both, for the smallest file.
    package static let tiny = preset("tiny", PackageResources.tiny_json)
    /// Linear layers in 4 bits: for models whose speed is that of memory.
    package static let int4 = preset("int4", PackageResources.int4_json)
    /// Weights as the checkpoint has them; the baseline on the device.
    package static let float = preset("float", PackageResources.float_json)

    /// Recipes that `--preset` knows by their names.
    package static let presets = [int8, small, fast, tiny, int4, float]

    private static func preset(_ name: String, _ bytes: [UInt8]) -> Recipe {
        do {
            return try Recipe(parsing: bytes, name: name)
        } catch {
            preconditionFailure("preset '\(name)': \(error)")
        }
    }
}
