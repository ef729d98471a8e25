import Checkpoints
import Foundation
import Tensors
import Testing

@Suite struct ShardedCheckpointTests {
    let folder: TemporaryFolder
    let indexName = "model.safetensors.index.json"

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("config.json", text: "{}")
        try folder.write("one.safetensors", safetensors([("a", [1]), ("b", [2])]))
        try folder.write("two.safetensors", safetensors([("c", [3])]))
    }

    @Test func tensorsOfAllShardsAreFound() throws {
        try writeIndex(
            ["a": "one", "b": "one", "c": "two"], metadata: #""metadata":{"total_size":12},"#)
        let checkpoint = try Checkpoint(path: folder.path)
        #expect(checkpoint.tensorNames == ["a", "b", "c"])
        #expect(try checkpoint.floats("c").values == [3])
        #expect(checkpoint.fileName(of: "c") == "two.safetensors")
        #expect(checkpoint.weightFiles.map(\.name) == ["one.safetensors", "two.safetensors"])
        #expect(checkpoint.warnings.isEmpty)
    }

    @Test func tensorsThatTheIndexDoesNotNameAreLeftOutWithAWarning() throws {
        try writeIndex(["a": "one", "c": "two"])
        let checkpoint = try Checkpoint(path: folder.path)
        #expect(checkpoint.tensorNames == ["a", "c"])
        #expect(
            checkpoint.warnings == [
                "one.safetensors: tensor 'b' is not named by \(indexName) and left out"
            ])
    }

    @Test func aWrongTotalIsAWarning() throws {
        try writeIndex(
            ["a": "one", "b": "one", "c": "two"], metadata: #""metadata":{"total_size":13},"#)
        #expect(
            try Checkpoint(path: folder.path).warnings == [
                "\(indexName): declares 13 bytes of tensors but there are 12"
            ])
    }

    @Test func tensorsMustLieInTheirShard() throws {
        try writeIndex(["a": "one", "b": "two", "c": "two"])
        expect(.tensorNotInShard(file: indexName, tensor: "b", shard: "two.safetensors"))
        try writeIndex(["a": "one", "x": "one"])
        expect(.tensorNotInShard(file: indexName, tensor: "x", shard: "one.safetensors"))
    }

    @Test func aTensorInTwoShardsIsRefused() throws {
        try folder.write("two.safetensors", safetensors([("a", [3])]))
        try writeIndex(["a": "one", "b": "one", "c": "two"])
        expect(.duplicateTensor("a", file: "two.safetensors", otherFile: "one.safetensors"))
    }

    @Test func missingShardsAreNamed() throws {
        try writeIndex(["a": "one", "c": "three"])
        expect(.shardMissing(file: indexName, shard: "three.safetensors"))
    }

    @Test(arguments: ["../one", "/etc/passwd", "sub/one", "a\\b", "..", ".", ""])
    func shardNamesMustBeBare(name: String) throws {
        let escaped = name.replacingOccurrences(of: "\\", with: "\\\\")
        try folder.write(indexName, text: "{\"weight_map\":{\"a\":\"\(escaped)\"}}")
        expect(.unsafeShardName(file: indexName, tensor: "a", shard: name))
    }

    @Test func shardsMustNotBeLinksOutOfTheFolder() throws {
        let outside = try TemporaryFolder()
        let target = try outside.write("x.safetensors", safetensors([("a", [1])]))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/three.safetensors", withDestinationPath: target)
        try writeIndex(["a": "three"])
        #expect {
            try Checkpoint(path: folder.path)
        } throws: { error in
            if case .leavesFolder("three.safetensors", _) = error as? CheckpointError {
                true
            } else {
                false
            }
        }
    }

    @Test func theMapMustMapNamesToNames() throws {
        try folder.write(indexName, text: "{\"weight_map\":{\"a\":{}}}")
        expect(.weightMapEntryNotString(file: indexName, tensor: "a", found: "an object"))
        for text in ["{}", "[]", "{\"weight_map\":[]}"] {
            try folder.write(indexName, text: text)
            expect(.noWeightMap(file: indexName))
        }
        try folder.write(indexName, text: #"{"weight_map":{"a":"x","a":"y"}}"#)
        expect(.json(file: indexName, .duplicateName("a", offset: 27)))
    }

    private func writeIndex(_ map: [String: String], metadata: String = "") throws {
        let entries = map.map { "\"\($0.key)\":\"\($0.value).safetensors\"" }.sorted()
        try folder.write(
            indexName, text: "{\(metadata)\"weight_map\":{\(entries.joined(separator: ","))}}")
    }

    private func expect(
        _ error: CheckpointError, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) {
            try Checkpoint(path: folder.path)
        }
        #expect(
            !error.description.isEmpty && !error.description.contains("\n"),
            sourceLocation: sourceLocation)
    }
}
