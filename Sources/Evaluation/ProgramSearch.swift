package import Foundation

/// Finds the programs of this package.
package enum ProgramSearch {
    /// The file of the running program.
    package static var ownProgram: URL? {
        guard
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        else { return nil }
        return URL(fileURLWithPath: path)
    }

    /// A program beside the running one, or else on PATH.
    package static func find(_ name: String) throws(EvaluationError) -> URL {
        var folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        if let own = ownProgram { folders.insert(own.deletingLastPathComponent().path[...], at: 0) }
        return try find(name, in: folders.map(String.init))
    }

    static func find(_ name: String, in folders: [String]) throws(EvaluationError) -> URL {
        for folder in folders {
            let program = URL(fileURLWithPath: folder).appendingPathComponent(name)
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: program.path, isDirectory: &isFolder),
                !isFolder.boolValue, FileManager.default.isExecutableFile(atPath: program.path)
            else { continue }
            return program
        }
        throw .programNotFound(name)
    }
}
