import CEdgePlatform
import ModelGraph

extension Benchmark {
    /// Measures the float executor in this process, with the same inputs on every machine.
    ///
    /// - Parameters:
    ///   - start: When opening the checkpoint began, in nanoseconds of the monotonic clock.
    package init(
        reference: ReferenceCandidate, options: BenchmarkOptions, start: Int64
    ) throws(EvaluationError) {
        let model = reference.model
        let loaded = edgep_nanoseconds()
        var firstMilliseconds: Double?
        var lengths: [Length] = []
        for tokenCount in options.lengths {
            let input = Self.input(tokenCount: tokenCount, vocabularySize: model.vocabularySize)
            do throws(CandidateError) {
                if firstMilliseconds == nil {
                    let before = edgep_nanoseconds()
                    _ = try reference.output(for: input)
                    firstMilliseconds = Double(edgep_nanoseconds() - before) / 1e6
                }
                let latency = try LatencyMeasurement.measure(seconds: Double(options.seconds)) {
                    () throws(CandidateError) in
                    _ = try reference.output(for: input)
                }
                lengths.append(Length(tokenCount: tokenCount, latency))
            } catch {
                throw Self.evaluationError(error, file: reference.file)
            }
        }
        self.init(
            instructionSet: "float32", threadCount: options.threadCount,
            loadMilliseconds: Double(loaded - start) / 1e6,
            firstMilliseconds: firstMilliseconds ?? 0,
            peakResidentByteCount: Int(edgep_peak_resident_bytes()), lengths: lengths)
    }

    /// Token ids spread over the vocabulary, as an equidistributed sequence.
    private static func input(tokenCount: Int, vocabularySize: Int) -> TokenSequence {
        let goldenRatio = 0.6180339887498949
        return TokenSequence(
            ids: (1...max(1, tokenCount)).map { place in
                let share = (Double(place) * goldenRatio).truncatingRemainder(dividingBy: 1)
                return Int32(share * Double(vocabularySize))
            })
    }

    private static func evaluationError(_ error: CandidateError, file: String) -> EvaluationError {
        switch error {
        case .candidate(let error): error
        case .input(.reference(let error)): .reference(file: file, error)
        case .input: .outputMissing(file: file, task: .raw)
        }
    }
}
