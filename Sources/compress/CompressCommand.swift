import CEdgePlatform
import CommandLineSupport
import ModelCompression
import ModelGraph
import Packaging

/// Compresses a checkpoint: `compress <checkpoint> -o <model.atn>`.
enum CompressCommand {
    private static let options = OptionList([
        ("--output", .value), ("--preset", .value), ("--eval", .value), ("--threads", .value),
        ("--task", .value), ("--json", .flag), ("--help", .flag), ("--version", .flag),
        ("--calibration", .value), ("--recipe", .value),
        ("--target-size", .value), ("--target-latency", .value), ("--latency-tokens", .value),
        ("--max-drop", .value), ("--dry-run", .flag), ("--bundle", .value),
    ])

    static func run(_ list: [[UInt8]]) throws(Failure) -> ExitStatus {
        let start = edgep_nanoseconds()
        let arguments: Arguments
        let threads: Int
        do {
            arguments = try Arguments(list, options: options)
            threads =
                try arguments.integer("--threads", in: 1...1024)
                ?? Int(edgep_usable_processor_count())
        } catch {
            throw Failure(error)
        }
        if arguments.has("--help") {
            Console.writeLine(Help.text)
            return .done
        }
        if arguments.has("--version") {
            Console.writeLine(Provenance.tool)
            return .done
        }
        guard let input = arguments.positional.first else {
            throw Failure(.missingArgument("the checkpoint"))
        }
        if arguments.positional.count > 1 {
            throw Failure(
                .unexpectedArgument(
                    String(decoding: arguments.positional[1], as: UTF8.self)))
        }
        let isDryRun = arguments.has("--dry-run")
        guard let output = arguments.text("--output") ?? (isDryRun ? "" : nil) else {
            throw Failure(.missingArgument("the output (-o model.atn)"))
        }
        let recipe = try self.recipe(
            preset: arguments.text("--preset"), file: arguments.text("--recipe"))
        let budget = try BudgetOptions(arguments)
        if budget != nil { _ = try BudgetStep.ladder(from: recipe, canShrink: false) }
        let task = try self.task(arguments.text("--task"))
        let bundles = try arguments.text("--bundle").map { list throws(Failure) in
            try BundleStep.steps(list, output: output)
        }
        let path = String(decoding: input, as: UTF8.self)
        let evaluation = try arguments.text("--eval").map { file throws(Failure) in
            try EvaluationStep(file: file)
        }

        var bar = ProgressBar()
        defer { bar.clear() }
        let loaded = try LoadedCheckpoint(path: path, task: task)
        for warning in loaded.warnings {
            bar.clear()
            Console.report("compress", "warning: \(warning)")
        }
        if isDryRun {
            bar.clear()
            let first = try budget.map { budget throws(Failure) in
                try BudgetStep.firstRecipe(budget.budget, from: recipe, loaded: loaded)
            }
            Console.write(
                DryRun(first ?? recipe, loaded, isSearch: budget != nil)
                    .output(asJSON: arguments.has("--json")))
            return .done
        }
        let calibration = try arguments.text("--calibration").map { file throws(Failure) in
            try CalibrationData(file: file, loaded: loaded, judging: budget?.budget.drop != nil)
        }
        for warning in calibration?.warnings ?? [] {
            bar.clear()
            Console.report("compress", "warning: \(warning)")
        }
        let step = CompressionStep(
            loaded: loaded, calibration: calibration?.set, threads: threads)
        let compressed: CompressedModel
        let written: WrittenContainer
        var searched: BudgetSummary?
        if let budget {
            let search = try BudgetStep(
                budget.budget, from: recipe, step: step,
                measurement: CandidateMeasurement(
                    budget, loaded: loaded, judged: calibration?.judged, threads: threads))
            (compressed, written, searched) = try search.run(
                output: output, progress: { bar.update($0, $1) },
                told: { line in
                    bar.clear()
                    if Console.errorIsTerminal { Console.note(line) }
                })
        } else {
            compressed = try step.compress(recipe) { bar.update($0, $1) }
            written = try step.write(compressed, to: output, output: output) {
                bar.update("write", $0)
            }
        }
        let attached = try (bundles ?? []).map { step throws(Failure) in
            try step.run(container: output)
        }
        let seconds = Double(edgep_nanoseconds() - start) / 1e9
        let evaluated = try evaluation.map { step throws(Failure) in
            try step.run(
                model: loaded.model, tokenizer: loaded.openTokenizer(), checkpoint: path,
                container: output, threads: threads
            ) { bar.update("evaluate", $0) }
        }
        bar.clear()
        let summary = Summary(
            compressed, written: written, checkpoint: loaded.checkpoint, budget: searched,
            evaluation: evaluated, path: path, output: output, bundles: attached, seconds: seconds)
        if arguments.has("--json") {
            Console.write(summary.json)
        } else {
            Console.write(Array(summary.text.utf8))
        }
        guard searched?.isMet ?? true else { return .budgetMissed }
        return evaluated?.failures.isEmpty ?? true ? .done : .someInputFailed
    }

    private static func recipe(preset: String?, file: String?) throws(Failure) -> Recipe {
        if let file {
            guard preset == nil else {
                throw Failure("--preset and --recipe exclude each other", .wrongUsage)
            }
            return try RecipeFile.read(file)
        }
        guard let name = preset else { return .int8 }
        if let preset = Recipe.presets.first(where: { $0.name == name }) { return preset }
        throw Failure(
            .unknownValue(
                option: "--preset", value: name,
                known: Recipe.presets.map(\.name).joined(separator: ", ")))
    }

    private static func task(_ name: String?) throws(Failure) -> ModelTask? {
        guard let name else { return nil }
        if let task = ModelTask(rawValue: name) { return task }
        throw Failure(
            .unknownValue(
                option: "--task", value: name,
                known: ModelTask.allCases.map(\.rawValue).joined(separator: ", ")))
    }
}
