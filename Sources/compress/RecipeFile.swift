import CEdgePlatform
import CommandLineSupport
import ModelCompression

/// `--recipe`: a list of passes in a file (formats/recipe.md).
enum RecipeFile {
    private static let byteLimit = 1 << 20

    static func read(_ file: String) throws(Failure) -> Recipe {
        var start: UnsafeRawPointer?
        var byteCount = 0
        let status = edgep_map_file(file, &start, &byteCount)
        guard status == 0 else {
            throw Failure("\(file): \(Console.text(ofError: -status))", .wrongUsage)
        }
        defer { edgep_unmap_file(start, byteCount) }
        guard byteCount <= byteLimit else {
            throw Failure(
                "\(file): a recipe of \(byteCount) bytes is over the limit of \(byteLimit)",
                .wrongUsage)
        }
        let name = file.split(separator: "/").last?.split(separator: ".").first ?? "recipe"
        do {
            return try Recipe(
                parsing: Array(UnsafeRawBufferPointer(start: start, count: byteCount)),
                name: String(name))
        } catch {
            throw Failure("\(file): \(error)", .wrongUsage)
        }
    }
}
