import Glibc
package import ModelGraph

/// What a recipe would leave of the file, reckoned without running it.
package struct SizeEstimate {
    /// Of one parameter.
    struct Entry {
        var elements: Double
        var bitsPerElement: Double
        /// Share of zeros that a pass made, of which only the places are stored.
        var zeroShare = 0.0

        var bits: Double {
            guard zeroShare > 0 else { return elements * bitsPerElement }
            let kept = 1 - zeroShare
            let places = -zeroShare * log2(zeroShare) - (kept > 0 ? kept * log2(kept) : 0)
            return elements * (places + kept * bitsPerElement)
        }
    }

    /// By the name of the parameter.
    var entries: [String: Entry] = [:]
    /// Shapes of the parameters in the checkpoint.
    let shapes: [String: [Int]]
    /// Parameters of linear layers.
    let products: Set<String>
    /// Tables that are indexed by token.
    let tokenTables: Set<String>

    /// The parameters that a model reads, as the checkpoint stores them.
    package init(_ model: Model) {
        var products: Set<String> = []
        var tables: Set<String> = []
        for node in model.graph.nodes {
            switch node.operation {
            case .linear(let linear): products.insert(linear.weight)
            case .embedding(let terms):
                for term in terms where term.index == .tokenIDs { tables.insert(term.table) }
            default: break
            }
        }
        self.products = products
        tokenTables = tables
        shapes = model.parameters.mapValues(\.shape)
        for name in model.graph.parameterNames {
            guard let parameter = model.parameters[name], parameter.elementCount > 0 else {
                continue
            }
            let bytes = Double(model.bytesInCheckpoint(of: parameter))
            // Vectors are stored in 32 bits whatever the checkpoint has.
            let bits =
                parameter.shape.count < 2 ? 32 : 8 * bytes / Double(parameter.elementCount)
            entries[name] = Entry(elements: Double(parameter.elementCount), bitsPerElement: bits)
        }
    }

    package var byteCount: Int {
        Int(entries.values.reduce(0) { $0 + $1.bits } / 8)
    }

    /// Bits of a code after entropy coding, for normally distributed weights: of a grid whose largest
    /// code the largest weight of a row has, or of one whose step is given in standard deviations.
    static func bits(limit: Int, step: Double?) -> Double {
        // Entropy of the normal distribution, ½ · log₂(2πe); the largest of some hundred weights is
        // about three standard deviations out.
        let entropy = 2.047
        let distance = step ?? 3 / Double(limit)
        return max(0.1, min(log2(Double(2 * limit + 1)), entropy - log2(distance)))
    }

    /// Bits of a 4-bit code after entropy coding, with its share of a multiplier: the largest of 32
    /// weights, about two standard deviations out, is eight steps, and narrow multipliers with their
    /// signs take four.
    static var bitsInGroups: Double {
        min(4, 2.047 - log2(2.07 / 8)) + 4 / Double(QuantizedRows.groupSize)
    }

    /// Multiplies the elements of the parameters of linear layers.
    mutating func scaleProducts(by share: Double) {
        for name in products { entries[name]?.elements *= share }
    }
}
