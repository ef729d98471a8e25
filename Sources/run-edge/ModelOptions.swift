import CommandLineSupport
import EdgeRuntime

/// The options that say which model to load and how.
struct ModelOptions {
    static let list: [(StaticString, OptionList.Kind)] = [
        ("--threads", .value), ("--isa", .value), ("--max-memory", .value), ("--json", .flag),
        ("--help", .flag),
    ]

    let path: [UInt8]
    let session: SessionOptions

    init(_ arguments: Arguments) throws(Failure) {
        guard let path = arguments.positional.first else {
            throw Failure(.missingArgument("the model"))
        }
        if arguments.positional.count > 1 {
            let extra = String(decoding: arguments.positional[1], as: UTF8.self)
            throw Failure(.unexpectedArgument(extra))
        }
        self.path = path
        let threads: Int?
        let memoryLimit: Int?
        do {
            threads = try arguments.integer("--threads", in: 1...1024)
            memoryLimit = try arguments.byteCount("--max-memory")
        } catch {
            throw Failure(error)
        }
        session = SessionOptions(
            instructionSet: try Self.instructionSet(arguments.value("--isa")),
            threadCount: ThreadPool.runnableCount(of: threads ?? ThreadPool.defaultThreadCount),
            memoryLimit: memoryLimit)
    }

    /// The instruction set that the command line or `ATTENUATE_ISA` names, else the fastest.
    static func instructionSet(_ option: [UInt8]?) throws(Failure) -> InstructionSet {
        guard let name = option ?? Console.environment("ATTENUATE_ISA") else { return .fastest }
        do {
            return try InstructionSet.named(name)
        } catch {
            throw Failure(error, model: [])
        }
    }

    func container() throws(Failure) -> Container {
        do {
            return try Container(path: path)
        } catch {
            throw Failure(error, model: path)
        }
    }

    func engine() throws(Failure) -> Engine {
        let container = try container()
        ThreadPool.keepThisThreadFast(threadCount: session.threadCount)
        do {
            return try Engine(container, options: session)
        } catch {
            throw Failure(error, model: path)
        }
    }
}
