import Checkpoints
import CommandLineSupport
import ModelCompression
import ModelGraph
import Packaging

/// Applies a recipe to a checkpoint and writes what comes of it.
struct CompressionStep {
    let loaded: LoadedCheckpoint
    let calibration: CalibrationSet?
    let threads: Int

    /// - Parameter earlier: What a recipe left whose passes are the first ones of this one.
    func compress(
        _ recipe: Recipe, continuing earlier: CompressedModel? = nil,
        progress: @escaping (String, Double) -> Void
    ) throws(Failure) -> CompressedModel {
        do {
            return try recipe.apply(
                to: loaded.model, calibration: calibration, vocabulary: loaded.vocabulary,
                threadCount: threads, continuing: earlier, progress: progress)
        } catch {
            switch error {
            case .needsCalibration, .optionNeedsCalibration:
                throw Failure(error.description, .wrongUsage)
            case .notFinite, .model, .singular: break
            }
            throw Failure("\(loaded.checkpoint.path): \(error.description)", .invalidModel)
        }
    }

    /// - Parameter output: What errors call the file.
    func write(
        _ compressed: CompressedModel, to path: String, output: String,
        progress: (Double) -> Void
    ) throws(Failure) -> WrittenContainer {
        do {
            var lowered = try LoweredModel(
                compressed, tokenizer: loaded.tokenizer(keeping: compressed.model.keptTokens))
            try loaded.provenance().record(in: &lowered.metadata)
            return try ContainerWriter(lowered).write(to: path, progress: progress)
        } catch let error as PackagingError {
            throw Failure(
                "\(error.names(file: loaded.checkpoint.path, output: output))", .invalidModel)
        } catch let error as CheckpointError {
            throw Failure(error.description, .invalidModel)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }
}

extension PackagingError {
    /// The sentence with the file it is about.
    fileprivate func names(file: String, output: String) -> String {
        switch self {
        case .file, .zstd: "\(output): \(description)"
        case .model, .format, .duplicateTensor, .overLimit, .unsupportedElementType, .rowTooLarge:
            "\(file): \(description)"
        case .program: description
        }
    }
}
