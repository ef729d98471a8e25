import CommandLineSupport

/// What to compare and where to write the report.
struct CompareOptions {
    let checkpoint: String
    let containers: [String]
    let data: String
    let limit: Int?
    let threadCount: Int
    /// Nil takes the usual ones that fit the model.
    let lengths: [Int]?
    let seconds: Int
    let jsonPath: String?
    let markdownPath: String?
    /// Whether the text goes to standard output because nothing else was asked for.
    var printsText: Bool { jsonPath == nil && markdownPath == nil }

    init(_ arguments: Arguments) throws(Failure) {
        let paths = arguments.positional.map { String(decoding: $0, as: UTF8.self) }
        guard let checkpoint = paths.first else {
            throw Failure(.missingArgument("the checkpoint"))
        }
        guard paths.count > 1 else { throw Failure(.missingArgument("the .atn file")) }
        guard let data = arguments.text("--data") else {
            throw Failure(.missingArgument("option --data"))
        }
        self.checkpoint = checkpoint
        containers = Array(paths.dropFirst())
        self.data = data
        do {
            limit = try arguments.integer("--limit", in: 1...Int.max)
            threadCount = try arguments.integer("--threads", in: 1...256) ?? 1
            lengths = try arguments.integers("--lengths", in: 1...(1 << 20))
            seconds = try arguments.integer("--seconds", in: 0...3600) ?? 2
        } catch {
            throw Failure(error)
        }
        (jsonPath, markdownPath) = try Self.reportPaths(arguments)
    }

    private static func reportPaths(
        _ arguments: Arguments
    ) throws(Failure) -> (json: String?, markdown: String?) {
        var json = arguments.text("--json")
        var markdown = arguments.text("--markdown")
        guard let output = arguments.text("--output") else { return (json, markdown) }
        let suffix = output.split(separator: "/").last?.split(separator: ".").last.map(String.init)
        switch suffix {
        case "json":
            guard json == nil else { throw Failure(.together("--output *.json", "--json")) }
            json = output
        case "md":
            guard markdown == nil else { throw Failure(.together("--output *.md", "--markdown")) }
            markdown = output
        case "html":
            throw Failure(
                "\(output): HTML reports are not available in this version; "
                    + "--markdown and --json, or -o with a name in .md or .json, are",
                .wrongUsage)
        default:
            throw Failure(
                .unknownValue(option: "--output", value: output, known: "names in .md and .json"))
        }
        return (json, markdown)
    }
}
