import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// Runs `.atn` models on the device.
@main
struct RunEdge {
    static func main() {
        let arguments = withAttachedModel(Arguments.ofProcess())
        do throws(Failure) {
            Console.exit(try run(arguments))
        } catch {
            Console.report("run-edge", error.message)
            Console.exit(error.status)
        }
    }

    /// This program's own file.
    private static let ownPath: StaticString = "/proc/self/exe"

    /// With a model attached (formats/bundle.md), this program runs that one: its path goes where
    /// that of the model belongs.
    private static func withAttachedModel(_ arguments: [[UInt8]]) -> [[UInt8]] {
        let path = ownPath.withUTF8Buffer { Array($0) }
        guard Container.isBundle(path: path) else { return arguments }
        guard let first = arguments.first else { return [path] }
        let commands: [StaticString] = ["bench", "tokenize", "info"]
        if commands.contains(where: { isSame(first, $0) }) {
            return [first, path] + arguments.dropFirst()
        }
        let others: [StaticString] = ["isa", "--help", "-h", "--version"]
        return others.contains { isSame(first, $0) } ? arguments : [path] + arguments
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
