import CommandLineSupport

/// What the command line asks for.
enum CompareCommand {
    case help
    case compare(CompareOptions)
    case measureReference(ReferenceMeasurement)

    static let usage = """
        usage: compare <checkpoint> <model.atn>... --data data.jsonl [-o report.md]

        Runs the float original and .atn files on the same data and reports accuracy, latency, size
        and memory. Without -o, --json or --markdown the report goes to standard output.

          <checkpoint>          Hugging Face folder or .safetensors file
          --data FILE           .jsonl with {"text", "text_pair", "ids", "type_ids", "label"} per
                                line, or .txt with a text per line
          -o, --output FILE     report in the format of the name: .md or .json
          --json FILE           report as JSON
          --markdown FILE       report as Markdown
          --limit N             use at most N examples
          --threads N           threads for every model (default 1)
          --lengths 16,64,128   input lengths in tokens for the latency
          --seconds S           time for each length (default 2)
          -h, --help            this text

        Latency and memory are measured by run-edge, which is looked for beside compare and on PATH.
        ATTENUATE_ISA=NAME makes the kernels use a lower instruction set than the CPU has.
        Exit status: 0 done, 1 some lines of the data failed, 2 wrong usage, 3 a model is invalid.

        """

    private static let options = OptionList([
        ("--help", .flag), ("--data", .value), ("--output", .value), ("--json", .value),
        ("--markdown", .value), ("--limit", .value), ("--threads", .value), ("--lengths", .value),
        ("--seconds", .value), ("--device-profile", .notAvailable),
    ])

    init(_ arguments: [[UInt8]]) throws(Failure) {
        if let first = arguments.first, isSame(first, ReferenceMeasurement.option) {
            self = .measureReference(try ReferenceMeasurement(Array(arguments.dropFirst())))
            return
        }
        let parsed: Arguments
        do {
            parsed = try Arguments(arguments, options: Self.options)
        } catch {
            throw Failure(error)
        }
        self = parsed.has("--help") ? .help : .compare(try CompareOptions(parsed))
    }
}
