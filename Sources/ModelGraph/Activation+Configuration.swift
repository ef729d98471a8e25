extension Activation {
    /// The function that `hidden_act` and its like name in Hugging Face configurations.
    init(configured name: String, field: String) throws(ModelError) {
        switch name {
        case "gelu", "gelu_python": self = .gelu
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": self = .geluTanh
        case "relu": self = .relu
        case "silu", "swish": self = .silu
        case "tanh": self = .tanh
        case "sigmoid": self = .sigmoid
        default:
            throw .unsupportedValue(
                file: "config.json", field: field, value: name,
                supported: "gelu, gelu_new, relu, silu, tanh, sigmoid")
        }
    }
}
