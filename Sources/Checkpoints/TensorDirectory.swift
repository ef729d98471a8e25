import Tensors

/// Where each tensor of a checkpoint lies: its file and its entry there.
struct TensorDirectory: Sendable {
    let files: [SafetensorsFile]
    private(set) var warnings: [String] = []
    private var locations: [CodePoints: (file: Int, entry: Int)] = [:]

    /// The tensors of one file.
    init(file: SafetensorsFile) {
        files = [file]
        for index in file.entries.indices {
            locations[CodePoints(file.entries[index].name)] = (0, index)
        }
    }

    /// The tensors that an index names; files that it names must have them.
    init(index: ShardIndex, in folder: CheckpointFolder) throws(CheckpointError) {
        var files: [SafetensorsFile] = []
        var fileNumbers: [CodePoints: Int] = [:]
        for name in index.fileNames {
            guard let path = try folder.locate(name) else {
                throw .shardMissing(file: ShardIndex.fileName, shard: name)
            }
            fileNumbers[CodePoints(name)] = files.count
            files.append(try SafetensorsFile(path: path, name: name))
        }
        self.files = files
        for (number, file) in files.enumerated() {
            for (position, entry) in file.entries.enumerated() {
                let key = CodePoints(entry.name)
                if let other = locations.updateValue((number, position), forKey: key) {
                    throw .duplicateTensor(
                        entry.name, file: file.name, otherFile: files[other.file].name)
                }
            }
        }
        try apply(index, fileNumbers: fileNumbers)
    }

    /// Names in ascending order of their UTF-8 bytes.
    var names: [String] {
        locations.keys.map(\.string).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    func find(_ name: String) -> (file: SafetensorsFile, entry: SafetensorsHeader.Entry)? {
        guard let location = locations[CodePoints(name)] else { return nil }
        let file = files[location.file]
        return (file, file.entries[location.entry])
    }

    /// Checks the assignments and drops what no assignment names.
    private mutating func apply(
        _ index: ShardIndex, fileNumbers: [CodePoints: Int]
    ) throws(CheckpointError) {
        var assigned: Set<CodePoints> = []
        for (tensor, shard) in index.assignments {
            let key = CodePoints(tensor)
            guard locations[key]?.file == fileNumbers[CodePoints(shard)] else {
                throw .tensorNotInShard(file: ShardIndex.fileName, tensor: tensor, shard: shard)
            }
            assigned.insert(key)
        }
        for name in names where !assigned.contains(CodePoints(name)) {
            let file = find(name)?.file.name ?? ""
            warnings.append(
                "\(file): tensor \(name.quoted) is not named by \(ShardIndex.fileName) "
                    + "and left out")
            locations[CodePoints(name)] = nil
        }
        let byteCount = names.reduce(0) { $0 + (find($1)?.entry.byteRange.count ?? 0) }
        if let declared = index.declaredByteCount, declared != byteCount {
            warnings.append(
                "\(ShardIndex.fileName): declares \(declared) bytes of tensors but there are "
                    + "\(byteCount)")
        }
    }
}
