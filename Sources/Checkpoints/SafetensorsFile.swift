import Tensors

/// One mapped safetensors file.
struct SafetensorsFile: Sendable {
    let name: String
    let mapping: MappedFile
    /// In ascending order of their place in the file.
    let entries: [SafetensorsHeader.Entry]

    init(path: String, name: String) throws(CheckpointError) {
        self.name = name
        mapping = try MappedFile(path: path, name: name)
        do {
            entries = try SafetensorsHeader(file: mapping.bytes).entries
        } catch {
            throw .safetensors(file: name, error)
        }
    }
}
