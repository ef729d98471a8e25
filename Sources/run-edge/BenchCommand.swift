import CChecksums
import CEdgePlatform
import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// `run-edge bench <model.atn>`: latency at some lengths with its share of the measured int8 peak,
/// load time and peak memory, and where the time of the longest input goes; with `--serve` latencies
/// on demand.
enum BenchCommand {
    private static let options = OptionList(
        ModelOptions.list + [("--lengths", .value), ("--seconds", .value), ("--serve", .flag)])

    struct Row {
        let tokens: Int
        let multiplyAccumulates: Int
        /// Milliseconds of each run, ascending.
        let times: [Double]
        let digest: [UInt8]

        func percentile(_ share: Double) -> Double {
            times[min(times.count - 1, Int(share * Double(times.count)))]
        }

        /// Share of `peak`, billions of multiply-accumulates in a second, of the fastest run.
        func share(of peak: Double) -> Double {
            Double(multiplyAccumulates) / (percentile(0) * 1e6) / peak
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
        let longest = rows.reduce(1) { max($0, $1.tokens) }
        let groups: [InstructionGroup]
        var generation: GenerationTimes?
        do {
            generation = try GenerationTimes(
                engine.session, context: longest, milliseconds: seconds * 1000)
            groups = try instructionGroups(
                engine, tokens: longest, milliseconds: min(500, seconds * 1000))
        } catch {
            throw Failure(error, model: model.path)
        }
        let result = Result(
            options: model.session, loadTime: loadTime, firstTime: firstTime, memory: memory,
            peak: model.session.instructionSet.measuredPeak() ?? 0, rows: rows,
            groups: groups, generation: generation)
        if arguments.has("--json") {
            Console.write(json(result))
        } else {
            report(result)
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
        let output = engine.outputCode(for: engine.task)
        let program = session.container.directory.program
        let ids = tokenIDs(count: tokens, vocabularySize: program.vocabularySize)
        let runs = try Runs(session, tokenIDs: ids, output: output)
        var times: [Double] = []
        var digest = [UInt8](repeating: 0, count: 32)
        let deadline = edgep_nanoseconds() + Int64(duration) * 1_000_000
        while times.count < 3 || edgep_nanoseconds() < deadline {
            let start = edgep_nanoseconds()
            let values = try runs.next()
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
        return Row(
            tokens: tokens,
            multiplyAccumulates: program.multiplyAccumulates(tokenCount: tokens, for: output),
            times: stableOrder(of: times.count) { times[$0] < times[$1] }.map { times[$0] },
            digest: digest)
    }

    /// Ids from a small linear congruential generator: any model takes them, and the digest of the
    /// outputs is the same wherever the container runs.
    static func tokenIDs(count: Int, vocabularySize: Int) -> [Int32] {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int32((state >> 33) % UInt64(vocabularySize))
        }
    }

    /// Rounds to the microsecond.
    static func rounded(_ milliseconds: Double) -> Double {
        Double(Int(milliseconds * 1000 + 0.5)) / 1000
    }

    /// Everything that is reported.
    private struct Result {
        let options: SessionOptions
        let loadTime: Double
        let firstTime: Double
        let memory: Int
        /// Of one core, in billions of multiply-accumulates per second.
        let peak: Double
        let rows: [Row]
        /// Of the longest input.
        let groups: [InstructionGroup]
        /// Of a model that generates.
        let generation: GenerationTimes?

        /// Of the threads together; more threads than processors do not raise it.
        var peakOfThreads: Double {
            peak * Double(min(options.threadCount, max(1, ThreadPool.defaultThreadCount)))
        }
    }

    private static func json(_ result: Result) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("isa")
        json.string(result.options.instructionSet.name)
        json.key("threads")
        json.integer(result.options.threadCount)
        json.key("load_ms")
        json.double(rounded(result.loadTime))
        json.key("first_ms")
        json.double(rounded(result.firstTime))
        json.key("rss_bytes")
        json.integer(result.memory)
        json.key("peak_gmacs")
        json.double(rounded(result.peak))
        json.key("lengths")
        json.beginArray()
        for row in result.rows {
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
            json.key("share_of_peak")
            json.double(row.share(of: result.peakOfThreads))
            json.key("outputs_sha256")
            json.string(hexadecimal(row.digest))
            json.endObject()
        }
        json.endArray()
        result.generation?.write(to: &json)
        json.key("instructions")
        write(result.groups, peak: result.peak, to: &json)
        json.endObject()
        return json.bytes + [0x0a]
    }

    private static func report(_ result: Result) {
        func number(_ milliseconds: Double) -> String {
            column(rounded(milliseconds).description, 10)
        }
        let isa = String(decoding: result.options.instructionSet.name, as: UTF8.self)
        Console.writeLine(
            "\(isa), \(result.options.threadCount) threads, int8 peak of one core "
                + "\(Int(result.peak + 0.5)) GMAC/s")
        Console.writeLine(
            "load \(rounded(result.loadTime)) ms, first run \(rounded(result.firstTime)) ms, "
                + "peak memory \(result.memory / 1000) KB")
        Console.writeLine(
            column("tokens", 8) + column("median ms", 10) + column("min", 10)
                + column("p90", 10) + column("p99", 10) + column("runs", 8)
                + column("of peak", 9))
        for row in result.rows {
            Console.writeLine(
                column("\(row.tokens)", 8) + number(row.percentile(0.5))
                    + number(row.percentile(0)) + number(row.percentile(0.9))
                    + number(row.percentile(0.99)) + column("\(row.times.count)", 8)
                    + column(percent(row.share(of: result.peakOfThreads)), 9))
        }
        result.generation?.report()
        let longest = result.rows.reduce(0) { max($0, $1.tokens) }
        report(result.groups, tokens: longest, peak: result.peak)
    }
}
