import CEdgePlatform
import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// Instructions of one kind and shape, and what they took in one run.
struct InstructionGroup {
    /// For instance `linear 384 → 1536, gelu`.
    let name: String
    var count = 0
    var multiplyAccumulates = 0
    /// Milliseconds of all threads together, on average.
    var milliseconds = 0.0

    /// Billions of multiply-accumulates in a second of one thread.
    var rate: Double {
        milliseconds > 0 ? Double(multiplyAccumulates) / (milliseconds * 1e6) : 0
    }
}

extension BenchCommand {
    /// Where the time of an inference goes: runs it with a clock on every instruction.
    ///
    /// - Returns: the groups, the longest first.
    static func instructionGroups(
        _ engine: Engine, tokens: Int, milliseconds duration: Int
    ) throws(RuntimeError) -> [InstructionGroup] {
        let session = engine.session
        let output = engine.outputCode(for: engine.task)
        let program = session.container.directory.program
        let clock = InstructionClock(
            instructionCount: program.instructions.count, threadCount: session.threadCount)
        let ids = tokenIDs(count: tokens, vocabularySize: program.vocabularySize)
        let deadline = edgep_nanoseconds() + Int64(duration) * 1_000_000
        var runs = 0
        repeat {
            _ = try session.run(tokenIDs: ids, typeIDs: [], outputs: [output], clock: clock)
            runs += 1
        } while edgep_nanoseconds() < deadline

        var groups: [InstructionGroup] = []
        let isNeeded = program.instructions(neededFor: [output])
        for (index, instruction) in program.instructions.enumerated() where isNeeded[index] {
            let name = instruction.label(in: program)
            let place: Int
            // Comparing strings would bring the tables of Unicode's normal forms with it.
            if let known = groups.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
                place = known
            } else {
                place = groups.count
                groups.append(InstructionGroup(name: name))
            }
            groups[place].count += 1
            groups[place].multiplyAccumulates += instruction.multiplyAccumulates(
                in: program, tokenCount: tokens)
            groups[place].milliseconds +=
                Double(clock.total(instruction: index)) / (1e6 * Double(runs))
        }
        return stableOrder(of: groups.count) {
            groups[$0].milliseconds > groups[$1].milliseconds
        }.map { groups[$0] }
    }

    static func write(_ groups: [InstructionGroup], peak: Double, to json: inout JSONWriter) {
        json.beginArray()
        for group in groups {
            json.beginObject()
            json.key("name")
            json.string(group.name)
            json.key("count")
            json.integer(group.count)
            json.key("thread_ms")
            json.double(rounded(group.milliseconds))
            if group.multiplyAccumulates > 0 {
                json.key("macs")
                json.integer(group.multiplyAccumulates)
                json.key("share_of_peak")
                json.double(group.rate / peak)
            }
            json.endObject()
        }
        json.endArray()
    }

    /// Prints a line for each group: its part of the time of all, and of the peak.
    static func report(_ groups: [InstructionGroup], tokens: Int, peak: Double) {
        let total = groups.reduce(0.0) { $0 + $1.milliseconds }
        let width = groups.reduce(0) { max($0, $1.name.unicodeScalars.count) }
        Console.writeLine("")
        Console.writeLine(
            padded("at \(tokens) tokens", to: width) + column("count", 7)
                + column("thread ms", 11) + column("share", 8) + column("GMAC/s", 8)
                + column("of peak", 9))
        for group in groups {
            var line =
                padded(group.name, to: width) + column("\(group.count)", 7)
                + column(rounded(group.milliseconds).description, 11)
                + column(percent(group.milliseconds / total), 8)
            if group.multiplyAccumulates > 0 {
                line +=
                    column("\(Int(group.rate + 0.5))", 8)
                    + column(percent(group.rate / peak), 9)
            }
            Console.writeLine(line)
        }
    }

    static func percent(_ share: Double) -> String {
        "\(Int(share * 100 + 0.5)) %"
    }

    static func column(_ text: String, _ width: Int) -> String {
        var padding = ""
        for _ in text.unicodeScalars.count..<max(width, text.unicodeScalars.count) {
            padding += " "
        }
        return padding + text
    }

    private static func padded(_ text: String, to width: Int) -> String {
        var text = text
        while text.unicodeScalars.count < width { text += " " }
        return text
    }
}

extension Instruction {
    /// Kind and shape in words.
    fileprivate func label(in program: Program) -> String {
        let label = shapeLabel(in: program)
        // Much less work than the same over all tokens. A pooling always makes one row.
        if case .pool = self { return label }
        return program.values[output].fixedRows == 1 ? label + ", one row" : label
    }

    private func shapeLabel(in program: Program) -> String {
        func columns(_ value: Int) -> Int { program.values[value].columnCount }
        switch self {
        case .embed(let output, let terms):
            return "embed \(columns(output)), \(terms.count) tables"
        case .linear(let input, let residual, let output, _, _, let activation):
            var label = "linear \(columns(input)) → \(columns(output))"
            if activation != .none { label += ", \(activation.label)" }
            if residual != nil { label += ", residual" }
            return label
        case .attention(_, _, _, _, let shape):
            return "attention, \(shape.headCount) × \(shape.headSize)"
        case .layerNorm(_, _, let output, _, _, _): return "layer norm \(columns(output))"
        case .activate(_, let output, let activation):
            return "\(activation.label) \(columns(output))"
        case .add(_, _, let output): return "add \(columns(output))"
        case .pool(_, let output, _): return "pool \(columns(output))"
        case .normalizeL2(_, let output, _): return "normalize \(columns(output))"
        case .angles(let output, _, _): return "angles \(columns(output))"
        case .rotate(_, _, let output, _, _): return "rotate \(columns(output))"
        case .rmsNorm(_, let output, _, _): return "RMS norm \(columns(output))"
        case .multiply(_, _, let output): return "multiply \(columns(output))"
        case .scale(_, let output, _): return "scale \(columns(output))"
        case .quantize(_, let output, _, _): return "quantize \(columns(output))"
        }
    }
}

extension ActivationCode {
    fileprivate var label: String {
        switch self {
        case .none: "none"
        case .relu: "relu"
        case .gelu: "gelu"
        case .geluTanh: "gelu (tanh)"
        case .silu: "silu"
        case .tanh: "tanh"
        case .sigmoid: "sigmoid"
        }
    }
}
