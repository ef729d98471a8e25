import Checkpoints
import Tensors

/// Binds the weights that an architecture needs to the tensors of a checkpoint, checks their shapes
/// and remembers which tensors were taken.
struct ParameterBinder {
    let checkpoint: Checkpoint
    /// What names in the checkpoint have in front of the names used here.
    let prefix: String
    /// Beginnings of names that the prefix is not put in front of, as those of heads.
    private let unprefixed: [String]
    /// Endings of names of buffers that are no weights.
    private let bufferSuffixes: [String]
    private(set) var parameters: [String: Parameter] = [:]
    private var usedTensors: Set<String> = []

    init(
        checkpoint: Checkpoint, prefix: String, unprefixed: [String] = [],
        bufferSuffixes: [String] = []
    ) {
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.unprefixed = unprefixed
        self.bufferSuffixes = bufferSuffixes
    }

    /// Whether the checkpoint has a tensor for this name.
    func has(_ name: String) -> Bool {
        tensorName(for: name) != nil
    }

    /// Binds a parameter.
    ///
    /// - Parameters:
    ///   - name: The name without prefix, in its modern spelling.
    ///   - pattern: The shape that the architecture needs; nil where any size is right.
    /// - Returns: The shape.
    @discardableResult
    mutating func bind(_ name: String, _ pattern: [Int?]) throws(ModelError) -> [Int] {
        let (tensor, elementType, shape) = try find(name, pattern)
        parameters[name] = Parameter(
            shape: shape, storage: .checkpoint(name: tensor, elementType: elementType))
        return shape
    }

    /// Gives a parameter some rows and columns of a tensor.
    ///
    /// - Parameters:
    ///   - name: The name that the parameter gets.
    ///   - source: The name of the tensor without prefix.
    ///   - columns: nil for a tensor with one dimension.
    mutating func bindPart(
        _ name: String, of source: String, rows: Range<Int>, columns: Range<Int>?,
        isTransposed: Bool = false
    ) throws(ModelError) {
        let (tensor, elementType, _) = try find(source, columns == nil ? [nil] : [nil, nil])
        let part = TensorPart(
            tensor: tensor, elementType: elementType, rows: rows, columns: columns,
            isTransposed: isTransposed)
        parameters[name] = Parameter(shape: part.shape, storage: .checkpointPart(part))
    }

    /// Gives a parameter numbers that are computed from those of a vector, which is read.
    mutating func bindVector(
        _ name: String, count: Int, _ change: (Float) -> Float
    ) throws(ModelError) {
        let (tensor, _, shape) = try find(name, [count])
        do {
            let values = try checkpoint.floats(tensor).values.map(change)
            parameters[name] = Parameter(
                shape: shape, storage: .dense(Tensor(shape: shape, values: values)))
        } catch {
            throw .checkpoint(error)
        }
    }

    /// Adds a parameter that no tensor has.
    mutating func add(_ name: String, _ values: [Float]) {
        parameters[name] = Parameter(
            shape: [values.count], storage: .dense(Tensor(shape: [values.count], values: values)))
    }

    /// The shape of a tensor, which counts as used from then on.
    ///
    /// - Throws: `missingTensor`, `wrongShape`
    mutating func find(
        _ name: String, _ pattern: [Int?]
    ) throws(ModelError) -> (tensor: String, elementType: ElementType, shape: [Int]) {
        let pattern = TensorPattern(pattern)
        guard let tensor = tensorName(for: name), let shape = checkpoint.shape(of: tensor),
            let elementType = checkpoint.elementType(of: tensor)
        else {
            throw .missingTensor(fullName(name), expected: pattern)
        }
        guard pattern.matches(shape) else {
            throw .wrongShape(tensor: tensor, expected: pattern, found: shape)
        }
        usedTensors.insert(tensor)
        return (tensor, elementType, shape)
    }

    /// Binds `<name>.weight` and `<name>.bias`.
    ///
    /// - Parameter needsBias: Whether the bias must be there.
    /// - Returns: The operation and its number of outputs.
    mutating func bindLinear(
        _ name: String, inputs: Int, outputs: Int? = nil, needsBias: Bool = true
    ) throws(ModelError) -> (linear: Linear, outputs: Int) {
        let shape = try bind(name + ".weight", [outputs, inputs])
        guard needsBias || has(name + ".bias") else {
            return (Linear(weight: name + ".weight", bias: nil), shape[0])
        }
        try bind(name + ".bias", [shape[0]])
        return (Linear(weight: name + ".weight", bias: name + ".bias"), shape[0])
    }

    /// Binds `<name>.weight` and `<name>.bias`, or `gamma` and `beta` as older checkpoints call
    /// them.
    mutating func bindNormalization(
        _ name: String, columns: Int, epsilon: Float
    ) throws(ModelError) -> LayerNormalization {
        try bind(name + ".weight", [columns])
        try bind(name + ".bias", [columns])
        return LayerNormalization(
            gamma: name + ".weight", beta: name + ".bias", epsilon: epsilon)
    }

    /// Tensors that were not bound, in the checkpoint's order, without buffers.
    var unusedTensors: [String] {
        checkpoint.tensorNames.filter { name in
            !usedTensors.contains(name) && !bufferSuffixes.contains { name.hasSuffix($0) }
        }
    }

    /// How many layers there are by the names `<stem><number>.…`.
    ///
    /// - Throws: `ModelError.missingLayer` if a number is left out.
    func layerCount(_ stem: String) throws(ModelError) -> Int {
        let stem = prefix + stem
        var numbers: Set<Int> = []
        for name in checkpoint.tensorNames where name.hasPrefix(stem) {
            let digits = name.dropFirst(stem.count).prefix { $0 != "." }
            if let number = Int(digits), number >= 0 { numbers.insert(number) }
        }
        let count = numbers.count
        for number in 0..<count where !numbers.contains(number) {
            throw .missingLayer(number, layerCount: count)
        }
        return count
    }

    private func tensorName(for name: String) -> String? {
        [name, Self.oldSpelling(of: name)].compactMap { $0 }.map(fullName)
            .first { checkpoint.contains($0) }
    }

    func fullName(_ name: String) -> String {
        unprefixed.contains { name.hasPrefix($0) } ? name : prefix + name
    }

    /// How TensorFlow-era checkpoints name the two parameters of a normalization.
    private static func oldSpelling(of name: String) -> String? {
        if name.hasSuffix("LayerNorm.weight") { return name.dropLast(6) + "gamma" }
        if name.hasSuffix("LayerNorm.bias") { return name.dropLast(4) + "beta" }
        return nil
    }
}
