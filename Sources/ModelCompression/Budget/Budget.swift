/// What a compressed model may cost; at least one of them is given.
package struct Budget: Equatable, Sendable {
    /// Of the container.
    package var byteCount: Int?
    /// Of one run at the stated length.
    package var milliseconds: Double?
    /// What may be lost against the original, in parts of 1.
    package var drop: Double?

    package init(byteCount: Int? = nil, milliseconds: Double? = nil, drop: Double? = nil) {
        self.byteCount = byteCount
        self.milliseconds = milliseconds
        self.drop = drop
    }

    package enum Target: Sendable {
        case byteCount
        case milliseconds
        case drop
    }

    /// By how much a candidate is over one of the targets.
    package struct Miss: Equatable, Sendable {
        package let target: Target
        package let limit: Double
        package let found: Double
        /// What is over the limit in parts of it, more than 0; infinite for what is not a number.
        package let relative: Double
    }

    /// A drop limit of less counts as this much where misses are compared, so that 0 can be given.
    private static let smallestDrop = 0.001

    /// The targets that a candidate misses.
    ///
    /// What was asked for but not measured is missed.
    package func misses(_ facts: CandidateFacts) -> [Miss] {
        [
            Self.miss(.byteCount, byteCount.map(Double.init), Double(facts.byteCount)),
            Self.miss(.milliseconds, milliseconds, facts.milliseconds),
            Self.miss(.drop, drop, facts.drop),
        ].compactMap { $0 }
    }

    /// How far over a limit the candidate is, in parts of the limit; 0 where it is met or not given.
    func excess(_ target: Target, _ facts: CandidateFacts) -> Double {
        misses(facts).first { $0.target == target }?.relative ?? 0
    }

    private static func miss(_ target: Target, _ limit: Double?, _ found: Double?) -> Miss? {
        guard let limit else { return nil }
        let found = found ?? .nan
        // Written so that NaN is a miss.
        guard !(found <= limit) else { return nil }
        let unit = target == .drop ? max(limit, smallestDrop) : limit
        let relative = (found - limit) / unit
        return Miss(
            target: target, limit: limit, found: found,
            relative: relative.isNaN ? .infinity : relative)
    }
}

/// What was measured of a candidate.
package struct CandidateFacts: Equatable, Sendable {
    package let byteCount: Int
    /// Nil unless the budget asks for it.
    package let milliseconds: Double?
    /// Nil unless the budget asks for it; NaN where the answers are no numbers.
    package let drop: Double?
    /// How far the answers are from the original's (`OutputDistance`); nil without calibration data.
    package let answerDistance: Double?

    package init(
        byteCount: Int, milliseconds: Double? = nil, drop: Double? = nil,
        answerDistance: Double? = nil
    ) {
        self.byteCount = byteCount
        self.milliseconds = milliseconds
        self.drop = drop
        self.answerDistance = answerDistance
    }
}
