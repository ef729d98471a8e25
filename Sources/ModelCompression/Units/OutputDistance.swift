import Glibc
import ModelGraph
import Tensors

/// How far the answers of a model are from those of the original: what passes weigh losses in.
///
/// For a classifier the mean Kullback–Leibler divergence of the labels' probabilities, likewise for
/// the token that follows, for an embedding the mean of 1 − cosine, else the error energy in parts of the signal's.
enum OutputDistance {
    /// The output that a task is about.
    static func role(of model: Model) -> OutputRole? {
        let preferred: [OutputRole] =
            switch model.task {
            case .classify: [.logits]
            case .embed: [.embedding]
            // One row for each sequence: those for all tokens would take too much memory.
            case .generate: [.nextLogits, .logits]
            case .raw: [.logits, .hiddenState, .pooled]
            }
        return preferred.first { model.graph.outputs[$0] != nil }
    }

    /// - Parameters:
    ///   - found: `[rows, columns]`
    ///   - original: The same shape.
    static func distance(_ found: Tensor, to original: Tensor, task: ModelTask) -> Double {
        let columns = original.columnCount
        let rows = original.rowCount
        guard rows > 0, columns > 0 else { return 0 }
        func row(_ tensor: Tensor, _ index: Int) -> [Float] {
            Array(tensor.values[index * columns..<(index + 1) * columns])
        }
        switch task {
        case .classify, .generate:
            return (0..<rows).reduce(0.0) {
                $0 + divergence(row(original, $1), row(found, $1))
            } / Double(rows)
        case .embed:
            return (0..<rows).reduce(0.0) {
                $0 + 1 - Tensor.cosineSimilarity(row(original, $1), row(found, $1))
            } / Double(rows)
        case .raw:
            let signal = original.varianceSum
            return signal > 0 ? original.squaredDistance(to: found) / signal : 0
        }
    }

    /// Σ p · (log p − log q) of the softmax of two rows of logits.
    private static func divergence(_ original: [Float], _ found: [Float]) -> Double {
        let (p, q) = (logProbabilities(original), logProbabilities(found))
        return zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    }

    private static func logProbabilities(_ logits: [Float]) -> [Double] {
        let largest = Double(logits.max() ?? 0)
        let sum = logits.reduce(0) { $0 + exp(Double($1) - largest) }
        return logits.map { Double($0) - largest - log(sum) }
    }
}
