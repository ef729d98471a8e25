import CommandLineSupport
import EdgeFormat

/// Runs `.atn` models on the device.
@main
struct RunEdge {
    static func main() {
        let arguments = Arguments.ofProcess()
        do throws(Failure) {
            Console.exit(try run(arguments))
        } catch {
            Console.report("run-edge", error.message)
            Console.exit(error.status)
        }
    }

    private static func run(_ arguments: [[UInt8]]) throws(Failure) -> ExitStatus {
        guard let first = arguments.first else {
            throw Failure(.missingArgument("the model"))
        }
        let rest = Array(arguments.dropFirst())
        if isSame(first, "bench") { return try BenchCommand.run(rest) }
        if isSame(first, "tokenize") { return try TokenizeCommand.run(rest) }
        if isSame(first, "info") { return try InfoCommand.run(rest) }
        if isSame(first, "isa") { return try IsaCommand.run(rest) }
        if isSame(first, "--help") || isSame(first, "-h") {
            Console.writeLine(Help.text)
            return .done
        }
        if isSame(first, "--version") {
            Console.writeLine("run-edge \(toolVersion)")
            return .done
        }
        return try RunCommand.run(arguments)
    }
}
