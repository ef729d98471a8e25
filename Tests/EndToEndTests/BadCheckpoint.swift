import Foundation
import Testing

/// Ways in which a checkpoint can be wrong, each with what the refusal must name.
enum BadCheckpoint: String, CaseIterable {
    case missingFolder
    case emptyFolder
    case noWeights
    case noConfiguration
    case malformedConfiguration
    case configurationWithoutTensors
    case emptyFile
    case truncatedHeader
    case truncatedData
    case headerPastEnd
    case hugeHeader
    case headerOfNoise
    case overlap
    case hole
    case trailingBytes
    case offsetsPastEnd
    case shapeDisagrees
    case typeDisagrees
    case unknownType
    case hugeShape
    case missingTensor
    case missingLayer
    case wrongShape
    case notANumber
    case infinite
    case missingShard
    case pythonWeights
    case brokenTokenizer

    private static let weight = "encoder.layer.1.intermediate.dense.weight"

    /// Makes a folder with the fault.
    func make() throws -> CheckpointCopy {
        let copy = try CheckpointCopy(of: self == .missingShard ? .sharded : .plain)
        let path = copy.folder.path
        let remove = { (name: String) in
            try FileManager.default.removeItem(atPath: "\(path)/\(name)")
        }
        switch self {
        case .missingFolder: try FileManager.default.removeItem(atPath: path)
        case .emptyFolder:
            try remove("model.safetensors")
            try remove("config.json")
        case .noWeights: try remove("model.safetensors")
        case .noConfiguration: try remove("config.json")
        case .malformedConfiguration: try copy.folder.write("config.json", "{\"model_type\":".utf8)
        case .missingShard: try remove("model-00002-of-00003.safetensors")
        case .pythonWeights:
            try remove("model.safetensors")
            try copy.folder.write("pytorch_model.bin", [0x80, 2])
        case .brokenTokenizer: try copy.folder.write("tokenizer.json", "{}".utf8)
        case .emptyFile: try copy.folder.write("model.safetensors", [])
        case .truncatedHeader: try copy.editBytes { $0.removeLast($0.count - 500) }
        case .truncatedData: try copy.editBytes { $0.removeLast(1000) }
        case .headerPastEnd: try copy.editBytes { $0[2] = 9 }
        case .hugeHeader: try copy.editBytes { $0[7] = 0x80 }
        case .headerOfNoise: try copy.editBytes { $0[9] = 0xff }
        case .trailingBytes: try copy.editBytes { $0 += [1, 2, 3] }
        default: try copy.editWeights { try damage(&$0) }
        }
        return copy
    }

    private func damage(_ file: inout SafetensorsParts) throws {
        let name = Self.weight
        switch self {
        case .configurationWithoutTensors:
            file.entries = [:]
            file.data = []
        case .overlap: try file.edit(name) { $0.offsets = $0.offsets.map { $0 - 4 } }
        case .hole: file.entries[name] = nil
        case .offsetsPastEnd:
            let end = file.data.count
            try file.edit(name) { $0.offsets = $0.offsets.map { $0 + end } }
        case .shapeDisagrees: try file.edit(name) { $0.shape[0] += 1 }
        case .typeDisagrees: try file.edit(name) { $0.type = "F16" }
        case .unknownType: try file.edit(name) { $0.type = "F31" }
        case .hugeShape: try file.edit(name) { $0.shape = [1 << 40, 1 << 40] }
        case .missingTensor: try file.remove(name)
        case .missingLayer:
            for name in file.entries.keys where name.hasPrefix("encoder.layer.0.") {
                try file.remove(name)
            }
        case .wrongShape: try file.edit(name) { $0.shape.reverse() }
        case .notANumber, .infinite:
            let offset = try #require(file.entries[name]).offsets[0] + 40
            let value = self == .infinite ? Float.infinity : .nan
            for (index, byte) in withUnsafeBytes(of: value, Array.init).enumerated() {
                file.data[offset + index] = byte
            }
        default: Issue.record("no damage for \(self)")
        }
    }

    /// Words that the sentence of the refusal must have.
    var words: [String] {
        switch self {
        case .missingFolder: ["no such file or folder"]
        case .emptyFolder, .noWeights: ["model.safetensors"]
        case .noConfiguration: ["config.json"]
        case .malformedConfiguration: ["config.json"]
        case .configurationWithoutTensors, .missingLayer: ["tensor"]
        case .emptyFile: ["model.safetensors", "0 bytes"]
        case .truncatedHeader: ["model.safetensors", "header", "500 bytes"]
        case .truncatedData: ["model.safetensors", "past the end of the file", "93968 bytes"]
        case .headerPastEnd: ["model.safetensors", "past the end of the file", "94968 bytes"]
        case .hugeHeader: ["model.safetensors", "header", "limit"]
        case .headerOfNoise: ["model.safetensors", "header"]
        case .overlap: [Self.weight, "overlap"]
        case .hole: ["8192 bytes", "no tensor"]
        case .trailingBytes: ["model.safetensors", "3 bytes follow"]
        case .offsetsPastEnd: [Self.weight, "past the end of the file", "bytes)"]
        case .shapeDisagrees: [Self.weight, "8320 bytes", "8192"]
        case .typeDisagrees: [Self.weight, "4096 bytes", "8192"]
        case .unknownType: [Self.weight, "F31"]
        case .hugeShape: [Self.weight, "64 bits"]
        case .missingTensor: [Self.weight, "missing", "expected"]
        case .wrongShape: [Self.weight, "expected", "[32, 64]"]
        case .notANumber, .infinite: [Self.weight, "1 values are NaN or infinite"]
        case .missingShard: ["model-00002-of-00003.safetensors"]
        case .pythonWeights: ["pytorch_model.bin", "PyTorch"]
        case .brokenTokenizer: ["tokenizer"]
        }
    }
}
