import CEdgePlatform
import Checkpoints
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
        ("--target-size", .notAvailable), ("--target-latency", .notAvailable),
        ("--max-drop", .notAvailable), ("--dry-run", .flag), ("--bundle", .value),
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
            Console.write(
                DryRun(recipe, loaded).output(asJSON: arguments.has("--json")))
            return .done
        }
        let calibration = try arguments.text("--calibration").map { file throws(Failure) in
            try CalibrationData(file: file, loaded: loaded)
        }
        for warning in calibration?.warnings ?? [] {
            bar.clear()
            Console.report("compress", "warning: \(warning)")
        }
        let compressed: CompressedModel
        do {
            compressed = try recipe.apply(
                to: loaded.model, calibration: calibration?.set, vocabulary: loaded.vocabulary,
                threadCount: threads
            ) { bar.update($0, $1) }
        } catch {
            switch error {
            case .needsCalibration, .optionNeedsCalibration:
                throw Failure(error.description, .wrongUsage)
            case .notFinite, .model, .singular: break
            }
            throw Failure("\(path): \(error.description)", .invalidModel)
        }
        let written: WrittenContainer
        do {
            var lowered = try LoweredModel(
                compressed, tokenizer: loaded.tokenizer(keeping: compressed.model.keptTokens))
            try loaded.provenance().record(in: &lowered.metadata)
            written = try ContainerWriter(lowered).write(to: output) { bar.update("write", $0) }
        } catch let error as PackagingError {
            bar.clear()
            throw Failure("\(error.names(file: path, output: output))", .invalidModel)
        } catch let error as CheckpointError {
            bar.clear()
            throw Failure(error.description, .invalidModel)
        } catch {
            preconditionFailure("the calls above throw nothing else")
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
            compressed, written: written, checkpoint: loaded.checkpoint, evaluation: evaluated,
            path: path, output: output, bundles: attached, seconds: seconds)
        if arguments.has("--json") {
            Console.write(summary.json)
        } else {
            Console.write(Array(summary.text.utf8))
        }
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
        if name == "int4" {
            throw Failure(.notAvailable(option: "--preset \(name)"))
        }
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

extension PackagingError {
    /// The sentence with the file it is about.
    fileprivate func names(file: String, output: String) -> String {
        switch self {
        case .file, .zstd: "\(output): \(description)"
        case .model, .format, .duplicateTensor, .overLimit, .unsupportedElementType, .rowTooLarge,
            .unsupportedOperation:
            "\(file): \(description)"
        case .program: description
        }
    }
}
