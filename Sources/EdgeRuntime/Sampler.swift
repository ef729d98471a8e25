import CEdgeKernels

/// How the next token is chosen from its scores.
package struct SamplingOptions: Equatable, Sendable {
    /// Divides the scores; 0 takes the token with the highest score.
    package var temperature: Float
    /// Only the tokens with the highest scores are drawn from, so many of them; 0 is no limit.
    package var topK: Int
    /// Only the most probable tokens are drawn from whose probabilities together reach this; 1 is no
    /// limit.
    ///
    /// Holtzman et al. 2020, nucleus sampling.
    package var topP: Float
    /// Divides positive scores of tokens that are there already and multiplies negative ones; 1 leaves
    /// them.
    ///
    /// Keskar et al. 2019.
    package var repetitionPenalty: Float
    /// Where the random numbers start.
    package var seed: UInt64

    package init(
        temperature: Float = 0, topK: Int = 0, topP: Float = 1, repetitionPenalty: Float = 1,
        seed: UInt64 = 0
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.repetitionPenalty = repetitionPenalty
        self.seed = seed
    }
}

/// Chooses tokens.
///
/// The same scores, options and seed give the same tokens on every processor.
package struct Sampler {
    private let options: SamplingOptions
    private let kernels: edgek_table
    private var random: SplitMix

    /// - Parameter stream: Tells apart the sequences that are generated together.
    package init(_ options: SamplingOptions, stream: Int = 0, instructionSet: InstructionSet) {
        self.options = options
        kernels = instructionSet.kernels
        random = SplitMix(seed: options.seed, stream: UInt64(truncatingIfNeeded: stream))
    }

    /// The next token.
    ///
    /// - Parameters:
    ///   - logits: Finite, one for each token of the vocabulary, at least one.
    ///   - history: The tokens so far, those of the prompt included.
    package mutating func next(logits: [Float], history: [Int32]) -> Int32 {
        var scores = logits
        penalize(history, in: &scores)
        let best = scores.withUnsafeBufferPointer(Self.place(ofLargest:))
        // Where the quotient leaves the floats, all others are as good as impossible.
        guard options.temperature > 0, (scores[best] / options.temperature).isFinite else {
            return Int32(best)
        }
        return draw(from: candidates(scores))
    }

    private struct Candidate {
        var token: Int32
        /// Score, then probability.
        var weight: Float

        /// Whether the candidate comes first: the higher score, of equal ones the lower token.
        func precedes(_ other: Candidate) -> Bool {
            weight > other.weight || (weight == other.weight && token < other.token)
        }
    }

    private func penalize(_ history: [Int32], in scores: inout [Float]) {
        guard options.repetitionPenalty != 1 else { return }
        var isPenalized = [Bool](repeating: false, count: scores.count)
        for token in history where scores.indices.contains(Int(token)) {
            let index = Int(token)
            if isPenalized[index] { continue }
            isPenalized[index] = true
            scores[index] =
                scores[index] > 0
                ? scores[index] / options.repetitionPenalty
                : scores[index] * options.repetitionPenalty
        }
    }

    /// The tokens to draw from with their probabilities, the most probable first where that matters.
    private func candidates(_ scores: [Float]) -> [Candidate] {
        var candidates: [Candidate] = []
        candidates.reserveCapacity(scores.count)
        for (token, score) in scores.enumerated() {
            candidates.append(
                Candidate(token: Int32(token), weight: score / options.temperature))
        }
        if options.topK > 0, options.topK < candidates.count {
            candidates = Self.best(options.topK, of: candidates)
        }
        let weights = candidates.map { $0.weight }
        var probabilities = [Float](repeating: 0, count: weights.count)
        kernels.softmax(weights, Int64(weights.count), &probabilities)
        for index in candidates.indices { candidates[index].weight = probabilities[index] }
        guard options.topP < 1 else { return candidates }

        // A token less probable than this share of the rest is none of the nucleus: the others before
        // it reach topP. The most probable one never is: e to the 0 by a sum of at most so many ones.
        let least = (1 - options.topP) / Float(candidates.count)
        let nucleus = candidates.filter { $0.weight >= least }
        let sorted = Self.best(nucleus.count, of: nucleus)
        var sum: Float = 0
        for (index, candidate) in sorted.enumerated() {
            sum += candidate.weight
            if sum >= options.topP { return Array(sorted[...index]) }
        }
        return sorted
    }

    private mutating func draw(from candidates: [Candidate]) -> Int32 {
        var total: Float = 0
        for candidate in candidates { total += candidate.weight }
        let place = random.nextUnit() * total
        var sum: Float = 0
        for candidate in candidates {
            sum += candidate.weight
            if place < sum { return candidate.token }
        }
        return candidates[candidates.count - 1].token
    }

    /// The first of the largest scores.
    private static func place(ofLargest scores: UnsafeBufferPointer<Float>) -> Int {
        var best = 0
        for token in scores.indices where scores[token] > scores[best] { best = token }
        return best
    }

    /// The first `count` candidates in their order, by a heap whose top is the last of them.
    private static func best(_ count: Int, of candidates: [Candidate]) -> [Candidate] {
        var heap = Array(candidates.prefix(count))
        candidates.withUnsafeBufferPointer { candidates in
            heap.withUnsafeMutableBufferPointer { heap in
                sort(heap, takingIn: candidates[heap.count...])
            }
        }
        return heap
    }

    /// Exchanges what is in the heap for those of the others that come before it, and sorts it.
    private static func sort(
        _ heap: UnsafeMutableBufferPointer<Candidate>,
        takingIn others: Slice<UnsafeBufferPointer<Candidate>>
    ) {
        for start in stride(from: heap.count / 2 - 1, through: 0, by: -1) {
            sink(start, heap, heap.count)
        }
        for candidate in others where candidate.precedes(heap[0]) {
            heap[0] = candidate
            sink(0, heap, heap.count)
        }
        // The last one goes to the end, again and again.
        for end in stride(from: heap.count - 1, to: 0, by: -1) {
            heap.swapAt(0, end)
            sink(0, heap, end)
        }
    }

    /// Moves the candidate at `start` down until those below it come before it.
    @inline(never)
    private static func sink(
        _ start: Int, _ heap: UnsafeMutableBufferPointer<Candidate>, _ end: Int
    ) {
        var parent = start
        while true {
            var child = 2 * parent + 1
            if child >= end { return }
            if child + 1 < end, heap[child].precedes(heap[child + 1]) { child += 1 }
            if heap[child].precedes(heap[parent]) { return }
            heap.swapAt(child, parent)
            parent = child
        }
    }
}

/// Random numbers by SplitMix64 (Steele, Lea, Flood 2014).
private struct SplitMix {
    private var state: UInt64

    init(seed: UInt64, stream: UInt64) {
        state = seed
        // Streams start far from each other.
        for _ in 0..<2 { _ = next() }
        state ^= stream &* 0x9e37_79b9_7f4a_7c15
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var x = state
        x = (x ^ x >> 30) &* 0xbf58_476d_1ce4_e5b9
        x = (x ^ x >> 27) &* 0x94d0_49bb_1331_11eb
        return x ^ x >> 31
    }

    /// In 0 ..< 1, a multiple of 2⁻²⁴.
    mutating func nextUnit() -> Float {
        Float(next() >> 40) * 0x1p-24
    }
}
