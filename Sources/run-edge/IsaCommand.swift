import CommandLineSupport
import EdgeRuntime

/// `run-edge isa`: the instruction sets that this binary has, and the int8 peak of those that this
/// CPU supports.
enum IsaCommand {
    static func run(_ list: [[UInt8]]) throws(Failure) -> ExitStatus {
        let arguments: Arguments
        do {
            arguments = try Arguments(
                list, options: OptionList([("--json", .flag), ("--help", .flag)]))
        } catch {
            throw Failure(error)
        }
        if arguments.has("--help") {
            Console.writeLine(Help.text)
            return .done
        }
        let chosen = try ModelOptions.instructionSet(nil)
        if arguments.has("--json") {
            var json = JSONWriter()
            json.beginObject()
            json.key("chosen")
            json.string(chosen.name)
            json.key("instruction_sets")
            json.beginArray()
            for set in InstructionSet.all {
                json.beginObject()
                json.key("name")
                json.string(set.name)
                json.key("supported")
                json.bool(set.isSupported)
                if let peak = set.measuredPeak() {
                    json.key("peak_gmacs")
                    json.double(roundedToTenths(peak))
                }
                json.endObject()
            }
            json.endArray()
            json.endObject()
            Console.write(json.bytes + [0x0a])
            return .done
        }
        for set in InstructionSet.all {
            var line = String(decoding: set.name, as: UTF8.self)
            while line.utf8.count < 12 { line += " " }
            line += set.isSupported ? "supported" : "not supported by this CPU"
            if set.index == chosen.index { line += ", used" }
            if let peak = set.measuredPeak() { line += ", \(text(peak)) GMAC/s on one core" }
            Console.writeLine(line)
        }
        return .done
    }

    private static func roundedToTenths(_ number: Double) -> Double {
        Double(Int(number * 10 + 0.5)) / 10
    }

    private static func text(_ peak: Double) -> String {
        peak < 100 ? roundedToTenths(peak).description : "\(Int(peak + 0.5))"
    }
}
