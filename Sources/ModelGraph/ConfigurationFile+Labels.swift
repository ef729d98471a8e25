import Checkpoints

extension ConfigurationFile {
    /// The names of the classes in the order of the logits, from `id2label`; `LABEL_0`, … if the
    /// configuration has none, as Hugging Face names them.
    ///
    /// - Parameter count: Outputs of the classifier.
    func labels(count: Int) throws(ModelError) -> [String] {
        guard let value = value("id2label") else {
            return (0..<count).map { "LABEL_\($0)" }
        }
        guard let object = value.object else { throw malformed("id2label", "an object", value) }
        guard object.count == count else {
            throw .labelCountMismatch(labels: object.count, outputs: count)
        }
        var labels: [String] = []
        for index in 0..<count {
            guard let label = object[String(index)] else {
                throw .malformedField(
                    file: name, field: "id2label", expected: "an object with the key \(index)",
                    found: "none")
            }
            guard let label = label.string else {
                throw malformed("id2label.\(index)", "a string", label)
            }
            labels.append(label)
        }
        return labels
    }
}
