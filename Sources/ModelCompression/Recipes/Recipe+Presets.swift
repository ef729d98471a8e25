extension Recipe {
    /// Linear layers and the token embedding in int8, near-lossless.
    package static let int8 = preset("int8", PackageResources.int8_json)
    /// Weights as the checkpoint has them; the baseline on the device.
    package static let float = preset("float", PackageResources.float_json)

    /// Recipes that `--preset` knows by their names.
    package static let presets = [int8, float]

    private static func preset(_ name: String, _ bytes: [UInt8]) -> Recipe {
        do {
            return try Recipe(parsing: bytes, name: name)
        } catch {
            preconditionFailure("preset '\(name)': \(error)")
        }
    }
}
