import Foundation
import Glibc
import Synchronization
import Testing

/// Containers that many tests run, made once by `compress` itself and removed at the end.
enum CompressedModels {
    private static let made = Mutex<[String: String]>([:])
    private static let folder: String = {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString)").path
        try? FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: CompressedModels.folder) }
        return path
    }()

    /// The path of the container of a checkpoint folder.
    static func path(
        of checkpoint: String, name: String, preset: String, task: String? = nil
    ) throws -> String {
        let key = "\(name)-\(preset)-\(task ?? "default")"
        return try made.withLock { made in
            if let path = made[key] { return path }
            let path = "\(folder)/\(key).atn"
            var arguments = [checkpoint, "-o", path, "--preset", preset]
            if let task { arguments += ["--task", task] }
            try Program.compress.run(arguments).expectDone()
            made[key] = path
            return path
        }
    }

    static func path(
        of model: TinyBert, preset: String, task: String? = nil
    ) throws -> String {
        try path(of: model.folder, name: model.rawValue, preset: preset, task: task)
    }

    static func bytes(of model: TinyBert, preset: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(of: model, preset: preset))))
    }

    /// The classifier with a vocabulary of letters, so that it takes text.
    static func letterClassifier(preset: String) throws -> String {
        let copy = try CheckpointCopy(of: .classifier)
        try copy.folder.write("vocab.txt", LetterVocabulary.text.utf8)
        return try path(of: copy.folder.path, name: "letters", preset: preset)
    }
}
