import Checkpoints

extension ConfigurationFile {
    /// The length of the longest input, which a container stores in 32 bits.
    func maximumTokens(_ field: String) throws(ModelError) -> Int {
        let count = try requiredCount(field)
        guard count <= Int(Int32.max) else {
            throw unsupported(field, "\(count)", "at most \(Int32.max)")
        }
        return count
    }

    /// Tensors of quantized checkpoints are not the weights themselves.
    func refuseQuantizedWeights() throws(ModelError) {
        guard let fields = try object("quantization_config") else { return }
        throw unsupported(
            "quantization_config", try fields.string("quant_method") ?? "unknown",
            "float weights")
    }
}
