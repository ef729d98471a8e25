/// What `run-edge bench --json` prints: time and memory of one model in a process of its own.
package struct Benchmark: Codable, Equatable, Sendable {
    /// Latency for inputs of one length.
    package struct Length: Codable, Equatable, Sendable {
        package let tokenCount: Int
        package let medianMilliseconds: Double
        package let minimumMilliseconds: Double
        package let p90Milliseconds: Double
        package let p99Milliseconds: Double
        package let runCount: Int
        /// Of the output; the same on every machine for a container.
        package let outputsDigest: String?

        private enum CodingKeys: String, CodingKey {
            case tokenCount = "tokens"
            case medianMilliseconds = "median_ms"
            case minimumMilliseconds = "min_ms"
            case p90Milliseconds = "p90_ms"
            case p99Milliseconds = "p99_ms"
            case runCount = "runs"
            case outputsDigest = "outputs_sha256"
        }

        package init(
            tokenCount: Int, medianMilliseconds: Double, minimumMilliseconds: Double,
            p90Milliseconds: Double, p99Milliseconds: Double, runCount: Int,
            outputsDigest: String?
        ) {
            self.tokenCount = tokenCount
            self.medianMilliseconds = medianMilliseconds
            self.minimumMilliseconds = minimumMilliseconds
            self.p90Milliseconds = p90Milliseconds
            self.p99Milliseconds = p99Milliseconds
            self.runCount = runCount
            self.outputsDigest = outputsDigest
        }

        package init(tokenCount: Int, _ latency: LatencyMeasurement) {
            self.init(
                tokenCount: tokenCount, medianMilliseconds: latency.median,
                minimumMilliseconds: latency.minimum, p90Milliseconds: latency.p90,
                p99Milliseconds: latency.p99, runCount: latency.runCount, outputsDigest: nil)
        }
    }

    /// What computed: an instruction set of the runtime, or `float32` for the reference.
    package let instructionSet: String
    package let threadCount: Int
    /// From the start of opening the file to the first possible run.
    package let loadMilliseconds: Double
    /// The first run.
    package let firstMilliseconds: Double
    /// Peak resident set size of the process.
    package let peakResidentByteCount: Int
    package let lengths: [Length]

    private enum CodingKeys: String, CodingKey {
        case instructionSet = "isa"
        case threadCount = "threads"
        case loadMilliseconds = "load_ms"
        case firstMilliseconds = "first_ms"
        case peakResidentByteCount = "rss_bytes"
        case lengths
    }

    package init(
        instructionSet: String, threadCount: Int, loadMilliseconds: Double,
        firstMilliseconds: Double, peakResidentByteCount: Int, lengths: [Length]
    ) {
        self.instructionSet = instructionSet
        self.threadCount = threadCount
        self.loadMilliseconds = loadMilliseconds
        self.firstMilliseconds = firstMilliseconds
        self.peakResidentByteCount = peakResidentByteCount
        self.lengths = lengths
    }
}

/// What a benchmark measures.
package struct BenchmarkOptions: Equatable, Sendable {
    /// Input lengths in tokens.
    package let lengths: [Int]
    package let threadCount: Int
    /// For each length.
    package let seconds: Int

    package init(lengths: [Int], threadCount: Int, seconds: Int) {
        self.lengths = lengths
        self.threadCount = threadCount
        self.seconds = seconds
    }

    /// The options as `run-edge bench` and the hidden subcommand of `compare` read them.
    package var arguments: [String] {
        [
            "--lengths", lengths.map(String.init).joined(separator: ","),
            "--threads", String(threadCount), "--seconds", String(seconds), "--json",
        ]
    }
}
