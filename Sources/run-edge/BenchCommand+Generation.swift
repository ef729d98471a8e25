import CEdgePlatform
import CommandLineSupport
import EdgeFormat
import EdgeRuntime

extension BenchCommand {
    /// Runs of one input, as a command computes it: a prompt of a model that generates in parts.
    struct Runs {
        private let session: Session
        private let tokenIDs: [Int32]
        private let output: OutputCode
        private let cache: KeyValueCache?

        init(
            _ session: Session, tokenIDs: [Int32], output: OutputCode
        ) throws(RuntimeError) {
            self.session = session
            self.tokenIDs = tokenIDs
            self.output = output
            cache =
                session.generates && output == .nextLogits
                ? try KeyValueCache(session, capacity: tokenIDs.count) : nil
        }

        /// The output of one run.
        func next() throws(RuntimeError) -> [Float] {
            guard let cache else {
                return try session.run(tokenIDs: tokenIDs, typeIDs: [], outputs: [output])[0].values
            }
            cache.clear()
            try session.fill(cache, with: tokenIDs.dropLast())
            let last = Array(tokenIDs.suffix(1))
            return try session.extend([cache], by: [last], outputs: [output])[0][0].values
        }
    }

    /// What the next tokens of a text take, one by one.
    struct GenerationTimes {
        /// Tokens of the text before them.
        let context: Int
        /// Milliseconds, ascending.
        let times: [Double]

        /// Nil for a model that does not generate.
        init?(
            _ session: Session, context: Int, milliseconds duration: Int
        ) throws(RuntimeError) {
            guard session.generates, session.maximumTokens > 1 else { return nil }
            let context = min(context, session.maximumTokens - 1)
            self.context = context
            let program = session.container.directory.program
            let ids = tokenIDs(count: context, vocabularySize: program.vocabularySize)
            let room = min(session.maximumTokens - context, 256)
            let cache = try KeyValueCache(session, capacity: context + room)
            var times: [Double] = []
            let deadline = edgep_nanoseconds() + Int64(duration) * 1_000_000
            while times.count < 4 || edgep_nanoseconds() < deadline {
                if cache.tokenCount == cache.capacity || cache.tokenCount == 0 {
                    cache.clear()
                    try session.fill(cache, with: ids[...])
                }
                let token = ids[times.count % ids.count]
                let start = edgep_nanoseconds()
                _ = try session.extend([cache], by: [[token]], outputs: [.nextLogits])
                times.append(Double(edgep_nanoseconds() - start) / 1_000_000)
            }
            // The first one warms caches.
            times.removeFirst()
            self.times = stableOrder(of: times.count) { times[$0] < times[$1] }.map { times[$0] }
        }

        private var median: Double { times[times.count / 2] }

        func write(to json: inout JSONWriter) {
            json.key("generation")
            json.beginObject()
            json.key("context")
            json.integer(context)
            json.key("median_ms")
            json.double(BenchCommand.rounded(median))
            json.key("min_ms")
            json.double(BenchCommand.rounded(times[0]))
            json.key("tokens_per_second")
            json.double(BenchCommand.rounded(1000 / median))
            json.endObject()
        }

        func report() {
            Console.writeLine("")
            Console.writeLine(
                "a token after \(context): median \(BenchCommand.rounded(median)) ms, min "
                    + "\(BenchCommand.rounded(times[0])) ms, \(Int(1000 / median)) tokens a second")
        }
    }
}
