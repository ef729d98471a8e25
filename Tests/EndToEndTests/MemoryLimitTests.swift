import Foundation
import Testing

/// A model that needs more memory than there is, or than is allowed, is refused in one line.
@Suite struct MemoryLimitTests {
    /// Width of the inner layer, whose two matrices make most of the weights.
    private static let innerColumns = 1 << 19

    @Test("--max-memory takes the units of sizes and names both numbers")
    func limitsHaveUnits() throws {
        let path = try CompressedModels.path(of: .plain, preset: "int8")
        for limit in ["0", "1", "512B", "10KB", "10KiB"] {
            let run = try Program.runEdge.run([path, "--ids", "1", "--max-memory", limit])
            run.expectRefusal(3, naming: [path, "bytes of memory", "the limit is"])
        }
        for limit in ["64MB", "1GB", "1GiB", "100000000", "512MiB"] {
            try Program.runEdge.run([path, "--ids", "1", "--max-memory", limit]).expectDone()
        }
    }

    @Test("The limit is exactly the need that info states")
    func theLimitIsTheStatedNeed() throws {
        let path = try CompressedModels.path(of: .plain, preset: "float")
        let settings = ["--threads", "1", "--isa", "scalar"]
        let info = try Program.runEdge.run(["info", path, "--json"] + settings).json()
        let memory = try #require((info["memory"] as? [[String: Any]])?.last)
        #expect(memory["tokens"] as? Int == TinyBert.maximumTokens)
        let need = ["weights_bytes", "table_cache_bytes", "activations_bytes"].compactMap {
            memory[$0] as? Int
        }.reduce(0, +)
        let run = { (limit: Int) in
            try Program.runEdge.run(
                [path, "--ids", "1", "--max-memory", "\(limit)"] + settings)
        }
        try run(need).expectDone()
        try run(need - 1).expectRefusal(3, naming: ["\(need)", "\(need - 1)"])
    }

    @Test("Refusals come before the memory is taken, and missing memory is no crash")
    func refusalsComeBeforeTheAllocation() throws {
        let model = try makeWideModel()
        let path = try CompressedModels.path(of: model.path, name: "wide", preset: "float")
        let weights = 2 * Self.innerColumns * TinyBert.columnCount * 4
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        try #require(size * 50 < weights, "the model is small on the disk")
        // Less address space than the weights take, which the shell counts in KiB.
        let limits = "ulimit -v \((weights - (8 << 20)) >> 10)"
        let limited = try Program.runEdge.run(
            limitedBy: limits, [path, "--ids", "1", "--threads", "1", "--max-memory", "100MB"])
        limited.expectRefusal(3, naming: [path, "the limit is 100000000"])
        let info = try Program.runEdge.run(limitedBy: limits, ["info", path])
        try info.expectDone()
        let unlimited = try Program.runEdge.run(
            limitedBy: limits, [path, "--ids", "1", "--threads", "1"])
        unlimited.expectRefusal(3, naming: [path, "bytes of memory are not available"])
        try Program.runEdge.run([path, "--ids", "1", "--task", "raw"]).expectDone()
    }

    /// A model of one layer with a very wide inner layer of zeros, which compress to nothing.
    private func makeWideModel() throws -> TemporaryFolder {
        let copy = try CheckpointCopy(of: .plain)
        try copy.editWeights { file in
            for name in file.entries.keys where name.hasPrefix("encoder.layer.1.") {
                try file.remove(name)
            }
            let columns = TinyBert.columnCount
            for (part, shape) in [
                ("intermediate.dense.weight", [Self.innerColumns, columns]),
                ("intermediate.dense.bias", [Self.innerColumns]),
                ("output.dense.weight", [columns, Self.innerColumns]),
            ] {
                let name = "encoder.layer.0.\(part)"
                try file.remove(name)
                let begin = file.data.count
                file.data += [UInt8](repeating: 0, count: shape.reduce(4, *))
                file.entries[name] = .init(
                    type: "F32", shape: shape, offsets: [begin, file.data.count])
            }
        }
        var configuration = try JSON.object(try copy.folder.read("config.json"))
        configuration["num_hidden_layers"] = 1
        configuration["intermediate_size"] = Self.innerColumns
        try copy.folder.write(
            "config.json", try JSONSerialization.data(withJSONObject: configuration))
        return copy.folder
    }
}
