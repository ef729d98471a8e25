import Foundation
import Testing

/// A model that needs more memory than there is, or than is allowed, is refused in one line.
@Suite struct MemoryLimitTests {
    /// Width of the inner layers, whose matrices make most of the weights; the largest that fits.
    private static let innerColumns = 1 << 16

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
        func bytes(_ key: String) throws -> Int { try #require(memory[key] as? Int) }
        let need = try bytes("session_bytes")
        #expect(
            try need == bytes("weights_bytes") + bytes("decoder_bytes")
                + max(
                    bytes("loading_bytes"), bytes("table_cache_bytes") + bytes("activations_bytes"))
        )
        #expect(try bytes("process_bytes") > need)
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
        let weights = 2 * 2 * Self.innerColumns * TinyBert.columnCount * 4
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        // Address space for the mapped file, but not for the weights; the shell counts in KiB.
        let limits = "ulimit -v \((size + weights * 3 / 4) >> 10)"
        let limited = try Program.runEdge.run(
            limitedBy: limits, [path, "--ids", "1", "--threads", "1", "--max-memory", "20MB"])
        limited.expectRefusal(3, naming: [path, "the limit is 20000000"])
        let info = try Program.runEdge.run(limitedBy: limits, ["info", path])
        try info.expectDone()
        let unlimited = try Program.runEdge.run(
            limitedBy: limits, [path, "--ids", "1", "--threads", "1"])
        unlimited.expectRefusal(3, naming: [path, "bytes of memory are not available"])
        try Program.runEdge.run([path, "--ids", "1", "--task", "raw"]).expectDone()
    }

    /// A model with very wide inner layers in F16, which are widened when they are loaded.
    private func makeWideModel() throws -> TemporaryFolder {
        let copy = try CheckpointCopy(of: .plain)
        try copy.editWeights { file in
            let columns = TinyBert.columnCount
            for (part, shape) in [
                ("intermediate.dense.weight", [Self.innerColumns, columns]),
                ("intermediate.dense.bias", [Self.innerColumns]),
                ("output.dense.weight", [columns, Self.innerColumns]),
            ] {
                for name in ["encoder.layer.0.\(part)", "encoder.layer.1.\(part)"] {
                    try file.remove(name)
                    let begin = file.data.count
                    file.data += [UInt8](repeating: 0, count: shape.reduce(2, *))
                    file.entries[name] = .init(
                        type: "F16", shape: shape, offsets: [begin, file.data.count])
                }
            }
        }
        var configuration = try JSON.object(try copy.folder.read("config.json"))
        configuration["intermediate_size"] = Self.innerColumns
        try copy.folder.write(
            "config.json", try JSONSerialization.data(withJSONObject: configuration))
        return copy.folder
    }
}
