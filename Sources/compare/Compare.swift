import CommandLineSupport
import Tensors

@main
struct Compare {
    static func main() {
        BLASKernels.restartIfProcessorIsUnknown()
        Console.exit(status(of: Arguments.ofProcess()))
    }

    private static func status(of arguments: [[UInt8]]) -> ExitStatus {
        do throws(Failure) {
            switch try CompareCommand(arguments) {
            case .help:
                Console.write(Array(CompareCommand.usage.utf8))
                return .done
            case .compare(let options):
                return try ComparisonRun(options: options).run()
            case .measureReference(let measurement):
                try measurement.run()
                return .done
            }
        } catch {
            Console.report("compare", error.message)
            return error.status
        }
    }
}
