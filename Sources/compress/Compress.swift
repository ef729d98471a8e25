import CommandLineSupport
import Tensors

/// Turns a float checkpoint into an `.atn` container.
@main
struct Compress {
    static func main() {
        BLASKernels.restartIfProcessorIsUnknown()
        LargeBlocks.keepForReuse()
        let arguments = Arguments.ofProcess()
        do throws(Failure) {
            if let first = arguments.first, isSame(first, "inspect") {
                Console.exit(try InspectCommand.run(Array(arguments.dropFirst())))
            }
            Console.exit(try CompressCommand.run(arguments))
        } catch {
            Console.report("compress", error.message)
            Console.exit(error.status)
        }
    }
}
