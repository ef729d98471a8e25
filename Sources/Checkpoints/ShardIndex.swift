/// `model.safetensors.index.json`: which tensor lies in which file.
struct ShardIndex {
    static let fileName = "model.safetensors.index.json"
    static let byteLimit = 64 << 20

    /// In the order of the file.
    private(set) var assignments: [(tensor: String, file: String)] = []
    /// What `metadata.total_size` declares, if anything.
    private(set) var declaredByteCount: Int?

    init(_ json: JSONValue) throws(CheckpointError) {
        guard let map = json["weight_map"]?.object else { throw .noWeightMap(file: Self.fileName) }
        for member in map.members {
            guard let file = member.value.string else {
                throw .weightMapEntryNotString(
                    file: Self.fileName, tensor: member.name, found: member.value.kind)
            }
            guard CheckpointFolder.isBareName(file) else {
                throw .unsafeShardName(file: Self.fileName, tensor: member.name, shard: file)
            }
            assignments.append((member.name, file))
        }
        declaredByteCount = json["metadata"]?["total_size"]?.integer
    }

    /// The files, in ascending order of their names.
    var fileNames: [String] {
        Set(assignments.map { CodePoints($0.file) }).map(\.string).sorted {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }
    }
}
