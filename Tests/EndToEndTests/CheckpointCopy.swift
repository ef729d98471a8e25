import Foundation
import Testing

/// A copy of a checkpoint that a test can damage.
final class CheckpointCopy {
    let folder: TemporaryFolder

    init(of model: TinyBert) throws {
        folder = try TemporaryFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: model.folder)
        where name != "expected.json" {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(model.folder)/\(name)"))
            try folder.write(name, bytes)
        }
    }

    /// Takes the weight file apart, changes it and writes it back.
    func editWeights(_ body: (inout SafetensorsParts) throws -> Void) throws {
        var parts = try SafetensorsParts(folder.read("model.safetensors"))
        try body(&parts)
        try folder.write("model.safetensors", try parts.bytes())
    }

    /// Changes the bytes of the weight file.
    func editBytes(_ body: (inout [UInt8]) -> Void) throws {
        var bytes = try folder.read("model.safetensors")
        body(&bytes)
        try folder.write("model.safetensors", bytes)
    }
}

/// A safetensors file as its header and its data.
struct SafetensorsParts {
    struct Entry {
        var type: String
        var shape: [Int]
        var offsets: [Int]
    }

    var entries: [String: Entry] = [:]
    var data: [UInt8]

    init(_ bytes: [UInt8]) throws {
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSON.object(bytes[8..<8 + length])
        for (name, value) in header where name != "__metadata__" {
            let fields = try #require(value as? [String: Any])
            entries[name] = Entry(
                type: try #require(fields["dtype"] as? String),
                shape: JSON.numbers(fields["shape"]).map { Int($0) },
                offsets: JSON.numbers(fields["data_offsets"]).map { Int($0) })
        }
        data = Array(bytes[(8 + length)...])
    }

    /// Changes the entry of a tensor that is there.
    mutating func edit(_ name: String, _ body: (inout Entry) -> Void) throws {
        var entry = try #require(entries[name])
        body(&entry)
        entries[name] = entry
    }

    /// Removes a tensor and its bytes.
    mutating func remove(_ name: String) throws {
        let removed = try #require(entries[name]).offsets
        entries[name] = nil
        data.removeSubrange(removed[0]..<removed[1])
        for (name, entry) in entries where entry.offsets[0] >= removed[1] {
            entries[name]?.offsets = entry.offsets.map { $0 - (removed[1] - removed[0]) }
        }
    }

    func bytes() throws -> [UInt8] {
        let table = entries.mapValues { entry -> [String: Any] in
            ["dtype": entry.type, "shape": entry.shape, "data_offsets": entry.offsets]
        }
        let header = try JSONSerialization.data(withJSONObject: table, options: .sortedKeys)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) }
        return length + header + data
    }
}
