import Foundation
import Tensors
import Testing

@testable import Checkpoints

@Suite struct CheckpointTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func aFolderLendsItsTensors() throws {
        try folder.write("config.json", text: #"{"model_type":"bert"}"#)
        let bytes = safetensors([("b", [1, -2, 3]), ("a", [4])])
        try folder.write("model.safetensors", bytes)
        let checkpoint = try Checkpoint(path: folder.path)
        #expect(checkpoint.tensorNames == ["a", "b"])
        #expect(checkpoint.configuration?["model_type"]?.string == "bert")
        #expect(checkpoint.contains("b") && !checkpoint.contains("c"))
        #expect(checkpoint.shape(of: "b") == [3])
        #expect(checkpoint.elementType(of: "b") == .float32)
        #expect(checkpoint.byteCount(of: "b") == 12)
        #expect(checkpoint.fileName(of: "b") == "model.safetensors")
        #expect(try checkpoint.floats("b") == Tensor(shape: [3], values: [1, -2, 3]))
        #expect(try checkpoint.floats("b") == Tensor(shape: [3], values: [1, -2, 3]))
        #expect(try checkpoint.floats("b", rows: 1..<3) == Tensor(shape: [2], values: [-2, 3]))
        #expect(try checkpoint.floats("b", rows: 2..<2).shape == [0])
        #expect(try checkpoint.withBytes(of: "a") { Array($0) } == [0, 0, 0x80, 0x40])
        #expect(checkpoint.warnings.isEmpty)
        #expect(
            checkpoint.weightFiles == [.init(name: "model.safetensors", byteCount: bytes.count)])
        var pieces: [UInt8] = []
        try checkpoint.forEachPiece(of: checkpoint.weightFiles[0], maximumByteCount: 7) {
            pieces += Array($0)
        }
        #expect(pieces == bytes)
    }

    @Test func rowsOfAMatrixAreThoseOfTheWhole() throws {
        let header = #"{"m":{"dtype":"BF16","shape":[3,2],"data_offsets":[0,12]}}"#
        let data: [UInt8] = [0, 0x3F, 0x80, 0x3F, 0, 0x40, 0x40, 0x40, 0x80, 0x40, 0, 0xC0]
        let path = try folder.write(
            "x.safetensors", safetensors(header: Array(header.utf8), data: data))
        let checkpoint = try Checkpoint(path: path)
        #expect(checkpoint.configuration == nil)
        #expect(
            try checkpoint.floats("m")
                == Tensor(shape: [3, 2], values: [0.5, 1, 2, 3, 4, -2]))
        #expect(
            try checkpoint.floats("m", rows: 1..<3)
                == Tensor(shape: [2, 2], values: [2, 3, 4, -2]))
        #expect(throws: CheckpointError.rowsOutOfRange(tensor: "m", rows: 1..<4, rowCount: 3)) {
            try checkpoint.floats("m", rows: 1..<4)
        }
        #expect(throws: CheckpointError.noTensor("n")) { try checkpoint.floats("n") }
        #expect(throws: CheckpointError.noTensor("n")) {
            try checkpoint.withBytes(of: "n") { $0.count }
        }
    }

    @Test func tensorsLargerThanAPieceAreWhole() throws {
        let values = (0..<(1 << 20) + 3).map { Float($0) }
        let path = try folder.write("x.safetensors", safetensors([("a", [0.5]), ("b", values)]))
        #expect(try Checkpoint(path: path).floats("b").values == values)
    }

    @Test func memoryOfTensorsIsReleasedAfterUse() throws {
        let values = [Float](repeating: 1, count: 4 << 20)
        let path = try folder.write("x.safetensors", safetensors([("a", values)]))
        let checkpoint = try Checkpoint(path: path)
        let resident = try checkpoint.withBytes(of: "a") { bytes in
            #expect(bytes.reduce(0) { $0 &+ Int($1) } != 0)
            return Result { try residentByteCount(path) }
        }
        #expect(try resident.get() >= 16 << 20)
        #expect(try residentByteCount(path) < 1 << 20)
        #expect(try checkpoint.floats("a").elementCount == values.count)
        #expect(try residentByteCount(path) < 1 << 20)
    }

    @Test func numbersWithoutRealValueAreRefused() throws {
        let path = try folder.write(
            "x.safetensors",
            safetensors(
                header: #"{"c":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#,
                dataByteCount: 8))
        let error = CheckpointError.tensor(
            file: "x.safetensors", tensor: "c", .noFloatValue(.complex64))
        #expect(throws: error) { try Checkpoint(path: path).floats("c") }
    }

    @Test func notANumberIsKept() throws {
        let path = try folder.write("x.safetensors", safetensors([("a", [.nan, .infinity])]))
        #expect(try Checkpoint(path: path).floats("a").nonFiniteCount == 2)
    }

    @Test func aBareFileFindsWhatLiesBesideIt() throws {
        try folder.write("config.json", text: "{}")
        try folder.write("1_Pooling/config.json", text: #"{"x":1}"#)
        let path = try folder.write("weights.safetensors", safetensors([("a", [1])]))
        let checkpoint = try Checkpoint(path: path)
        #expect(checkpoint.configuration != nil)
        #expect(try checkpoint.json(named: "1_Pooling/config.json")?["x"] == .integer(1))
        #expect(try checkpoint.file(named: "config.json") == Array("{}".utf8))
        #expect(try checkpoint.file(named: "vocab.txt") == nil)
        #expect(try checkpoint.file(named: "2_Normalize/config.json") == nil)
    }

    @Test func malformedWeightsAreNamed() throws {
        let path = try folder.write("x.safetensors", [1, 2, 3])
        let error = CheckpointError.safetensors(
            file: "x.safetensors", .tooSmall(byteCount: 3))
        #expect(throws: error) { try Checkpoint(path: path) }
        try folder.write("x.safetensors", [])
        #expect(throws: CheckpointError.self) { try Checkpoint(path: path) }
    }

    @Test func everyTruncatedFileIsAnError() throws {
        let bytes = safetensors([("a", [1, 2]), ("b", [3])])
        for length in 0..<bytes.count {
            let path = try folder.write("x.safetensors", Array(bytes[..<length]))
            #expect(throws: CheckpointError.self) { try Checkpoint(path: path) }
        }
    }

    @Test func malformedConfigurationIsNamed() throws {
        try folder.write("model.safetensors", safetensors([("a", [1])]))
        try folder.write("config.json", text: "{")
        let error = CheckpointError.json(file: "config.json", .unexpectedEnd(offset: 1))
        #expect(throws: error) { try Checkpoint(path: folder.path) }
    }

    // MARK: - What is missing

    @Test func missingPathsAreNamed() {
        let path = folder.path + "/absent"
        #expect(throws: CheckpointError.notFound(path: path)) { try Checkpoint(path: path) }
        #expect(throws: CheckpointError.notFound(path: "")) { try Checkpoint(path: "") }
        #expect(throws: CheckpointError.self) { try Checkpoint(path: path + "/x.safetensors") }
    }

    @Test func aFolderWithoutConfigurationIsRefused() throws {
        try folder.write("model.safetensors", safetensors([("a", [1])]))
        let error = CheckpointError.noConfiguration(folder: folder.path)
        #expect(throws: error) { try Checkpoint(path: folder.path) }
        #expect(error.description == "\(folder.path): no config.json beside the weights")
    }

    @Test func aFolderWithoutWeightsSaysWhatIsThere() throws {
        try folder.write("config.json", text: "{}")
        try folder.write("vocab.txt", text: "a")
        let error = CheckpointError.noWeights(
            folder: folder.path, found: ["config.json", "vocab.txt"])
        #expect(throws: error) { try Checkpoint(path: folder.path) }
        #expect(
            error.description
                == "\(folder.path): no model.safetensors; found config.json, vocab.txt")
    }

    @Test(arguments: [
        ("pytorch_model.bin", "PyTorch"), ("model.onnx", "ONNX"), ("model.gguf", "GGUF"),
        ("tf_model.h5", "Keras"), ("weights.npz", "NumPy"), ("flax_model.msgpack", "Flax"),
        ("model.tflite", "TensorFlow Lite"), ("last.ckpt", "PyTorch"),
    ])
    func otherFormatsAreNamed(name: String, format: String) throws {
        try folder.write("config.json", text: "{}")
        let path = try folder.write(name, [0x50, 0x4B, 3, 4])
        let error = CheckpointError.unsupportedWeights(file: name, format: format)
        #expect(throws: error) { try Checkpoint(path: folder.path) }
        #expect(throws: error) { try Checkpoint(path: path) }
    }

    // MARK: - What must not be opened

    @Test func pipesAndFoldersAreNotWeights() throws {
        let path = folder.path + "/x.safetensors"
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: CheckpointError.notRegularFile(file: "x.safetensors")) {
            try Checkpoint(path: path)
        }
        try folder.write("config.json", text: "{}")
        try folder.write("model.safetensors/inner", text: "")
        #expect(throws: CheckpointError.notRegularFile(file: "model.safetensors")) {
            try Checkpoint(path: folder.path)
        }
    }

    @Test(arguments: ["../x", "/etc/passwd", "a/../../x", "a\\b", "", ".", "a//b", "x\0y"])
    func sideFilesStayInTheFolder(name: String) throws {
        let path = try folder.write("x.safetensors", safetensors([("a", [1])]))
        let checkpoint = try Checkpoint(path: path)
        #expect(throws: CheckpointError.unsafeFileName(name)) { try checkpoint.file(named: name) }
    }

    @Test func linksOutOfTheFolderAreRefused() throws {
        let outside = try TemporaryFolder()
        let target = try outside.write("secret.json", text: "{}")
        let path = try folder.write("x.safetensors", safetensors([("a", [1])]))
        try link("tokenizer.json", to: target)
        try link("1_Pooling", to: outside.path)
        try folder.write("real.txt", text: "x")
        try link("inside.txt", to: "real.txt")
        let checkpoint = try Checkpoint(path: path)
        for name in ["tokenizer.json", "1_Pooling/secret.json"] {
            let resolved = try #require(realpath(target, nil).map { String(cString: $0) })
            #expect(throws: CheckpointError.leavesFolder(file: name, target: resolved)) {
                try checkpoint.file(named: name)
            }
        }
        #expect(try checkpoint.file(named: "inside.txt") == Array("x".utf8))
    }

    @Test func theCacheLayoutOfHuggingFaceIsFollowed() throws {
        try folder.write("blobs/0a", safetensors([("a", [1])]))
        try folder.write("blobs/0b", text: "{}")
        try folder.write("refs/main", text: "r")
        try FileManager.default.createDirectory(
            atPath: folder.path + "/snapshots/r", withIntermediateDirectories: true)
        try link("snapshots/r/model.safetensors", to: "../../blobs/0a")
        try link("snapshots/r/config.json", to: "../../blobs/0b")
        try link("snapshots/r/vocab.txt", to: "../../refs/main")
        let checkpoint = try Checkpoint(path: folder.path + "/snapshots/r")
        #expect(checkpoint.tensorNames == ["a"])
        #expect(throws: CheckpointError.self) { try checkpoint.file(named: "vocab.txt") }
    }

    @Test func sideFilesHaveALimit() throws {
        let path = try folder.write("big.txt", text: "abc")
        #expect(truncate(path, (256 << 20) + 1) == 0)
        let checkpoint = try Checkpoint(
            path: try folder.write("x.safetensors", safetensors([("a", [1])])))
        let error = CheckpointError.fileTooLarge(
            file: "big.txt", byteCount: (256 << 20) + 1, limit: 256 << 20)
        #expect(throws: error) { try checkpoint.file(named: "big.txt") }
    }

    /// How much of a mapped file is in this process's memory.
    private func residentByteCount(_ path: String) throws -> Int {
        let name = path.split(separator: "/").suffix(2).joined(separator: "/")
        let file = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
        let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        var isOurs = false
        var kilobytes = 0
        for line in maps.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words[0].contains("-") { isOurs = line.hasSuffix(name) }
            if isOurs && words[0] == "Rss:" { kilobytes += Int(words[1]) ?? 0 }
        }
        return kilobytes << 10
    }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/" + name, withDestinationPath: target)
    }
}
