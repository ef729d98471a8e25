import CChecksums
import CEdgePlatform
import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// `run-edge bench <model.atn>`: latency at some lengths, load time and peak memory; with `--serve`
/// latencies on demand.
enum BenchCommand {
    private static let options = OptionList(
        ModelOptions.list + [("--lengths", .value), ("--seconds", .value), ("--serve", .flag)])

    struct Row {
        let tokens: Int
        /// Milliseconds of each run, ascending.
        let times: [Double]
        let digest: [UInt8]

        func percentile(_ share: Double) -> Double {
            times[min(times.count - 1, Int(share * Double(times.count)))]
        }
    }

    static func run(_ list: [[UInt8]]) throws(Failure) -> ExitStatus {
        let start = edgep_nanoseconds()
        let arguments: Arguments
        let lengths: [Int]?
        let seconds: Int
        do {
            arguments = try Arguments(list, options: options)
            lengths = try arguments.integers("--lengths", in: 1...ContainerLimits.maximumTokens)
            seconds = try arguments.integer("--seconds", in: 0...3600) ?? 2
            try checkServing(arguments)
        } catch {
            throw Failure(error)
        }
        if arguments.has("--help") {
            Console.writeLine(Help.text)
            return .done
        }
        let model = try ModelOptions(arguments)
        let engine = try model.engine()
        if arguments.has("--serve") { return try serve(engine, model: model.path) }
        let loadTime = milliseconds(since: start)
        let maximum = engine.session.maximumTokens
        let chosen = lengths ?? [16, 64, 128].filter { $0 <= maximum }
        for length in chosen where length > maximum {
            throw Failure(
                .outOfRange(option: "--lengths", value: "\(length)", range: "1…\(maximum)"))
        }
        var firstTime = 0.0
        var rows: [Row] = []
        for length in chosen.isEmpty ? [maximum] : chosen {
            do {
                let row = try measure(
                    engine, tokens: length, milliseconds: seconds * 1000
                ) { time in
                    if firstTime == 0 { firstTime = time }
                }
                rows.append(row)
            } catch {
                throw Failure(error, model: model.path)
            }
        }
        let memory = Int(edgep_peak_resident_bytes())
        if arguments.has("--json") {
            Console.write(json(engine, model.session, loadTime, firstTime, memory, rows))
        } else {
            report(engine, model.session, loadTime, firstTime, memory, rows)
        }
        return .done
    }

    private static func milliseconds(since start: Int64) -> Double {
        Double(edgep_nanoseconds() - start) / 1_000_000
    }

    /// Runs the model on the same input until the time is over, at least three times.
    static func measure(
        _ engine: Engine, tokens: Int, milliseconds duration: Int, first: (Double) -> Void
    ) throws(RuntimeError) -> Row {
        let session = engine.session
        let output: OutputCode =
            switch engine.task {
            case .embed: .embedding
            case .classify: .logits
            case .raw: .hiddenState
            }
        // Ids from a small linear congruential generator: any model takes them, and the digest of
        // the outputs is the same wherever the container runs.
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        let size = UInt64(session.container.directory.program.vocabularySize)
        let ids = (0..<tokens).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int32((state >> 33) % size)
        }
        var times: [Double] = []
        var digest = [UInt8](repeating: 0, count: 32)
        let deadline = edgep_nanoseconds() + Int64(duration) * 1_000_000
        while times.count < 3 || edgep_nanoseconds() < deadline {
            let start = edgep_nanoseconds()
            let values = try session.run(tokenIDs: ids, typeIDs: [], outputs: [output])[0].values
            let time = milliseconds(since: start)
            if times.isEmpty {
                first(time)
                var state = atn_sha256()
                atn_sha256_begin(&state)
                values.withUnsafeBytes { atn_sha256_update(&state, $0.baseAddress, $0.count) }
                digest.withUnsafeMutableBufferPointer { atn_sha256_end(&state, $0.baseAddress) }
            }
            times.append(time)
        }
        // The first run warms caches and is reported on its own.
        times.removeFirst()
        times.sort()
        return Row(tokens: tokens, times: times, digest: digest)
    }

    /// Rounds to the microsecond.
    static func rounded(_ milliseconds: Double) -> Double {
        Double(Int(milliseconds * 1000 + 0.5)) / 1000
    }

    private static func json(
        _ engine: Engine, _ options: SessionOptions, _ loadTime: Double, _ firstTime: Double,
        _ memory: Int, _ rows: [Row]
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("isa")
        json.string(options.instructionSet.name)
        json.key("threads")
        json.integer(options.threadCount)
        json.key("load_ms")
        json.double(rounded(loadTime))
        json.key("first_ms")
        json.double(rounded(firstTime))
        json.key("rss_bytes")
        json.integer(memory)
        json.key("lengths")
        json.beginArray()
        for row in rows {
            json.beginObject()
            json.key("tokens")
            json.integer(row.tokens)
            json.key("median_ms")
            json.double(rounded(row.percentile(0.5)))
            json.key("min_ms")
            json.double(rounded(row.percentile(0)))
            json.key("p90_ms")
            json.double(rounded(row.percentile(0.9)))
            json.key("p99_ms")
            json.double(rounded(row.percentile(0.99)))
            json.key("runs")
            json.integer(row.times.count)
            json.key("outputs_sha256")
            json.string(hexadecimal(row.digest))
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes + [0x0a]
    }

    private static func report(
        _ engine: Engine, _ options: SessionOptions, _ loadTime: Double, _ firstTime: Double,
        _ memory: Int, _ rows: [Row]
    ) {
        func column(_ text: String, _ width: Int) -> String {
            var padding = ""
            for _ in text.utf8.count..<max(width, text.utf8.count) { padding += " " }
            return padding + text
        }
        func number(_ milliseconds: Double) -> String {
            column(rounded(milliseconds).description, 10)
        }
        let isa = String(decoding: options.instructionSet.name, as: UTF8.self)
        Console.writeLine("\(isa), \(options.threadCount) threads")
        Console.writeLine(
            "load \(rounded(loadTime)) ms, first run \(rounded(firstTime)) ms, "
                + "peak memory \(memory / 1000) KB")
        Console.writeLine(
            column("tokens", 8) + column("median ms", 10) + column("min", 10)
                + column("p90", 10) + column("p99", 10) + column("runs", 8))
        for row in rows {
            Console.writeLine(
                column("\(row.tokens)", 8) + number(row.percentile(0.5))
                    + number(row.percentile(0)) + number(row.percentile(0.9))
                    + number(row.percentile(0.99)) + column("\(row.times.count)", 8))
        }
    }
}
