import Foundation
import Testing

/// The binaries that `tools/test --devices` builds, run by qemu.
enum Device {
    /// The folder with one folder for each architecture.
    static let folder = ProcessInfo.processInfo.environment["ATTENUATE_DEVICES"]
    /// Architectures with processors that qemu imitates; none for that of this machine.
    static let processors: [(architecture: String, processor: String?)] = [
        ("aarch64", "cortex-a53"), ("aarch64", "cortex-a72"), ("aarch64", "max"),
        ("armv7", "cortex-a7"), ("armv7", "cortex-a15"), ("x86-64", nil),
    ]

    /// Runs a binary for an architecture on a processor model.
    static func run(
        _ binary: String, for architecture: String = "aarch64", on processor: String?,
        _ arguments: [String], input: [UInt8] = []
    ) throws -> ProgramRun {
        try run(
            file: "\(try #require(folder))/\(architecture)/\(binary)", for: architecture,
            on: processor, arguments, input: input)
    }

    /// Runs an executable file.
    static func run(
        file path: String, for architecture: String, on processor: String?,
        _ arguments: [String], input: [UInt8] = []
    ) throws -> ProgramRun {
        let emulator = architecture == "armv7" ? "arm" : architecture
        // Where what is not linked statically finds its C library.
        let libraries = "\(try #require(folder))/\(architecture)/glibc"
        let prefix =
            processor.map { ["/usr/bin/qemu-\(emulator)", "-cpu", $0, "-L", libraries] } ?? []
        let words = prefix + [path] + arguments
        let running = try RunningProgram(
            path: words[0], arguments: words.dropFirst().map { Array($0.utf8) }, input: input,
            environment: [:], output: .captured)
        return try running.wait(limit: 600)
    }
}

/// The static binaries give the host's bytes.
@Suite(
    .enabled(
        if: Device.folder != nil, "needs the device binaries of tools/test --devices"))
struct DeviceTests {
    @Test(
        "The shipped model gives the host's bytes for text, in int8 and in float",
        arguments: Device.processors, ["int8", "float"])
    func outputsAreThoseOfTheHost(
        device: (architecture: String, processor: String?), preset: String
    ) throws {
        let path = try TopicClassifier.container(preset: preset)
        let input: [UInt8] = try TopicClassifier.samples().prefix(12).flatMap { sample in
            Array(try JSONSerialization.data(withJSONObject: ["text": sample.text])) + [0x0a]
        }
        for threads in ["1", "2"] {
            let arguments = [path, "--task", "raw", "--input", "-", "--threads", threads]
            let host = try Program.runEdge.run(arguments, input: input)
            try host.expectDone()
            let found = try Device.run(
                "run-edge", for: device.architecture, on: device.processor, arguments,
                input: input)
            try found.expectDone()
            #expect(found.output == host.output)
        }
    }

    @Test(
        "Models of all presets and shapes give the host's bytes on the least processors",
        arguments: [TinyBert.plain, .classifier, .relu, .geluNew])
    func tinyModelsGiveTheBytesOfTheHost(model: TinyBert) throws {
        for preset in ["int8", "int4", "float"] {
            let path = try CompressedModels.path(of: model, preset: preset)
            for length in [1, 7, TinyBert.maximumTokens] {
                let ids = (0..<length).map { "\(($0 * 37 + length) % TinyBert.vocabularySize)" }
                let arguments = [path, "--task", "raw", "--ids", ids.joined(separator: ",")]
                let host = try Program.runEdge.run(arguments)
                try host.expectDone()
                for (architecture, processor) in [
                    ("aarch64", "cortex-a53"), ("armv7", "cortex-a7"), ("x86-64", nil),
                ] as [(String, String?)] {
                    let found = try Device.run(
                        "run-edge", for: architecture, on: processor, arguments)
                    try found.expectDone()
                    #expect(found.output == host.output, "\(architecture), \(length) tokens")
                }
            }
        }
    }

    @Test(
        "Texts go on with the host's tokens and scores", arguments: Device.processors,
        ["llama", "mistral", "gemma3", "gpt2"])
    func textsAreThoseOfTheHost(
        device: (architecture: String, processor: String?), name: String
    ) throws {
        let folder = "\(TinyBert.root)/Tests/Fixtures/tiny-decoders/\(name)"
        for preset in ["int8", "int4", "float"] {
            let path = try CompressedModels.path(
                of: folder, name: "decoder-\(name)", preset: preset)
            let prompt = ["--ids", "1,5,9,30,2,7,7,7,40"]
            for options in [
                ["--task", "raw"], ["--max-tokens", "24"],
                ["--max-tokens", "24", "--temperature", "0.7", "--top-p", "0.9", "--seed", "3"],
            ] {
                let arguments = [path] + prompt + options + ["--json"]
                let host = try Program.runEdge.run(arguments)
                try host.expectDone()
                let found = try Device.run(
                    "run-edge", for: device.architecture, on: device.processor, arguments)
                try found.expectDone()
                #expect(found.output == host.output, "\(preset) \(options)")
            }
        }
    }

    @Test(
        "The shipped generator writes the host's text, with 8 and with 4 bits",
        arguments: Device.processors)
    func shippedTextsAreThoseOfTheHost(
        device: (architecture: String, processor: String?)
    ) throws {
        for preset in ["int8", "int4"] {
            let path = try DescriptionWriter.container(preset: preset)
            for options in [
                ["--task", "raw"],
                ["--max-tokens", "24", "--temperature", "0.8", "--top-k", "40", "--seed", "3"],
            ] {
                let arguments = [path, "--text", "graphical interface for", "--json"] + options
                let host = try Program.runEdge.run(arguments)
                try host.expectDone()
                let found = try Device.run(
                    "run-edge", for: device.architecture, on: device.processor, arguments)
                try found.expectDone()
                #expect(found.output == host.output, "\(preset) \(options)")
            }
        }
    }

    @Test("A processor without the dot product uses plain NEON", arguments: Device.processors)
    func onlySupportedKernelsAreChosen(
        device: (architecture: String, processor: String?)
    ) throws {
        guard let processor = device.processor else { return }
        let run = try Device.run(
            "run-edge", for: device.architecture, on: processor, ["isa", "--json"])
        try run.expectDone()
        let chosen = try run.json()["chosen"] as? String
        #expect(chosen == (processor == "max" ? "i8mm" : "neon"))
    }

    @Test("A bundle is one file that answers on its device", arguments: Device.processors)
    func bundlesAnswer(device: (architecture: String, processor: String?)) throws {
        let folder = try TemporaryFolder()
        let output = "\(folder.path)/topics.atn"
        // The programs are found beside compress: the tests have theirs elsewhere.
        let programs = "\(folder.path)/bin"
        try FileManager.default.createDirectory(
            atPath: programs, withIntermediateDirectories: true)
        let compress = "\(programs)/compress"
        try FileManager.default.copyItem(atPath: Program.compress.path, toPath: compress)
        try FileManager.default.createSymbolicLink(
            atPath: "\(programs)/device", withDestinationPath: try #require(Device.folder))
        let made = try RunningProgram(
            path: compress,
            arguments: [
                TopicClassifier.folder, "-o", output, "--bundle", device.architecture, "--json",
            ].map { Array($0.utf8) }, input: [], environment: [:], output: .captured
        ).wait(limit: 120)
        try made.expectDone()
        let bundle = "\(folder.path)/topics-\(device.architecture)"
        let entries = try #require(try made.json()["bundles"] as? [[String: Any]])
        #expect(entries.map { $0["path"] as? String } == [bundle])
        let arguments = ["--text", "a terminal emulator for X", "--json"]
        let host = try Program.runEdge.run([output] + arguments)
        let found = try Device.run(
            file: bundle, for: device.architecture, on: device.processor, arguments)
        try found.expectDone()
        #expect(found.output == host.output)
    }

    @Test("Every kernel of every instruction set gives the host's bits")
    func kernelsAgreeWithTheHost() throws {
        let host = try RunningProgram(
            path: "\(try #require(Device.folder))/host/kernel_agreement", arguments: [], input: [],
            environment: [:], output: .captured
        ).wait(limit: 600)
        try host.expectDone()
        var hashes = try Self.hashes(host)
        for processor in ["cortex-a72", "max"] {
            let device = try Device.run("kernel_agreement", on: processor, [])
            try device.expectDone()
            hashes += try Self.hashes(device)
        }
        for processor in ["cortex-a7", "cortex-a15"] {
            let device = try Device.run("kernel_agreement", for: "armv7", on: processor, [])
            try device.expectDone()
            let tables = try Self.hashes(device)
            #expect(tables.count == 2)
            hashes += tables
        }
        #expect(hashes.count >= 10)
        #expect(Set(hashes).count == 1, "\(hashes)")
    }

    @Test(
        "The library for a device gives the host's bits, also to threads that share a model",
        arguments: [("aarch64", "cortex-a53"), ("aarch64", "max"), ("armv7", "cortex-a7")],
        ["static", "shared"])
    func theLibraryGivesTheBitsOfTheHost(
        device: (architecture: String, processor: String), kind: String
    ) throws {
        let model = try TopicClassifier.container(preset: "int8")
        let texts = try TopicClassifier.samples().prefix(4).map { $0.text }
        let run = { (program: String, arguments: [String]) in
            try Device.run(
                "programs/\(program)-\(kind)", for: device.architecture, on: device.processor,
                arguments)
        }
        try SharedLibrary.expectClasses(run("classify", [model] + texts), of: texts, model: model)
        let shared = try run("shared_model", [model, "4", "8"])
        try shared.expectDone()
        #expect(shared.outputText == "4 threads agree\n")
        guard kind == "static" else { return }
        let repeated = try run("repeated_use", [model, "3"])
        try repeated.expectDone()
        #expect(repeated.outputText == "all memory was given back\n")
    }

    @Test(
        "The libraries for devices define the functions of the header only",
        arguments: ["aarch64", "armv7"])
    func theSymbolsOfTheLibraries(architecture: String) throws {
        let folder = "\(try #require(Device.folder))/\(architecture)/lib"
        let declared = try SharedLibrary.declaredFunctions().sorted()
        let shared = try SharedLibrary.definedSymbols(
            "\(folder)/libattenuate.so", ["--dynamic"])
        #expect(shared.sorted() == declared)
        let archive = try SharedLibrary.definedSymbols("\(folder)/libattenuate.a", [])
        #expect(archive.sorted() == declared)
    }

    @Test("A file that is no container is refused with the status and the words of the host")
    func errorsAreThoseOfTheHost() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("broken.atn", "not a container at all".utf8)
        let host = try Program.runEdge.run([path, "--ids", "1"])
        for (architecture, processor) in Device.processors {
            let device = try Device.run(
                "run-edge", for: architecture, on: processor, [path, "--ids", "1"])
            #expect(device.end == .exited(3))
            #expect(device.errors == host.errors)
            #expect(device.output.isEmpty)
        }
    }

    /// The last word of each line is the hash of one table.
    private static func hashes(_ run: ProgramRun) throws -> [String] {
        let words = run.lines.compactMap { $0.split(separator: " ").last.map { String($0) } }
        let hashes = words.filter { $0.count == 16 && $0.allSatisfy(\.isHexDigit) }
        try #require(!hashes.isEmpty, "\(run.outputText)")
        return hashes
    }
}
