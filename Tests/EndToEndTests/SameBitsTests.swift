import CChecksums
import Foundation
import Testing

/// One container gives the same bytes whatever computes them.
@Suite struct SameBitsTests {
    private static let lengths = [1, 2, 7, 16, 33, TinyBert.maximumTokens]

    @Test(
        "Every instruction set and number of threads prints the same bytes",
        arguments: ["float", "int8", "int4"], [TinyBert.plain, .classifier, .relu, .geluNew])
    func outputsDependOnTheContainerOnly(preset: String, model: TinyBert) throws {
        try expectTheSameBits(from: CompressedModels.path(of: model, preset: preset))
    }

    @Test("Static ranges give other bytes than those of the rows, the same everywhere")
    func staticRangesDependOnTheContainerOnly() throws {
        let folder = try TemporaryFolder()
        let data = try folder.write(
            "data.jsonl", Self.lengths.map { line(tokenCount: $0) }.joined().utf8)
        let recipe = try folder.write(
            "recipe.json", #"{"passes":[{"pass":"quantize","activations":"static"}]}"#.utf8)
        let path = "\(folder.path)/static.atn"
        let arguments = [TinyBert.plain.folder, "-o", path, "--recipe", recipe]
        try Program.compress.run(arguments + ["--calibration", data]).expectDone()
        let fixed = try expectTheSameBits(from: path)
        let dynamic = try expectTheSameBits(
            from: CompressedModels.path(of: .plain, preset: "int8"))
        #expect(fixed != dynamic)
    }

    /// Runs a container in all ways and returns what all print.
    @discardableResult
    private func expectTheSameBits(from path: String) throws -> [UInt8] {
        let input = Self.lengths.map { line(tokenCount: $0) }.joined()
        var outputs: [String: [UInt8]] = [:]
        for set in try Self.supportedInstructionSets() {
            for threads in [1, 2, 3, 8] {
                let run = try Program.runEdge.run(
                    [path, "--input", "-", "--isa", set, "--threads", "\(threads)"],
                    input: Array(input.utf8))
                try run.expectDone()
                #expect(run.lines.count == Self.lengths.count)
                outputs["\(set), \(threads) threads"] = run.output
            }
        }
        let reference = try #require(outputs["scalar, 1 threads"])
        for (settings, output) in outputs {
            #expect(output == reference, "\(settings)")
        }
        return reference
    }

    @Test("ATTENUATE_ISA chooses the instruction set, and --isa wins over it")
    func theEnvironmentChoosesTheInstructionSet() throws {
        let path = try CompressedModels.path(of: .plain, preset: "int8")
        for set in try Self.supportedInstructionSets() {
            let environment = ["ATTENUATE_ISA": set]
            let info = try Program.runEdge.run(["info", path, "--json"], environment: environment)
            #expect(try info.json()["isa"] as? String == set)
            let isa = try Program.runEdge.run(["isa", "--json"], environment: environment)
            #expect(try isa.json()["chosen"] as? String == set)
            let other = try Program.runEdge.run(
                ["info", path, "--json", "--isa", "scalar"], environment: environment)
            #expect(try other.json()["isa"] as? String == "scalar")
        }
    }

    @Test("An instruction set that is unknown or not supported here is refused")
    func unusableInstructionSetsAreRefused() throws {
        let path = try CompressedModels.path(of: .plain, preset: "int8")
        let unusable =
            try Self.instructionSets().filter { !$0.isSupported }.map(\.name)
            + ["neon9", "AVX2"]
        for set in unusable {
            let option = try Program.runEdge.run([path, "--ids", "1", "--isa", set])
            option.expectRefusal(2, naming: [set])
            let variable = try Program.runEdge.run(
                [path, "--ids", "1"], environment: ["ATTENUATE_ISA": set])
            variable.expectRefusal(2, naming: [set])
        }
    }

    @Test("Printed floats read back to the bits that were computed", arguments: ["float", "int8"])
    func printedFloatsReadBackToTheSameBits(preset: String) throws {
        let path = try CompressedModels.path(of: .plain, preset: preset)
        for tokenCount in Self.lengths {
            // `bench` prints the digest of the outputs' bytes for ids from a known sequence.
            let bench = try Program.runEdge.run([
                "bench", path, "--lengths", "\(tokenCount)", "--seconds", "0", "--json",
                "--isa", "scalar",
            ])
            try bench.expectDone()
            let row = try #require(try (bench.json()["lengths"] as? [[String: Any]])?.first)
            let run = try Program.runEdge.run([
                path, "--task", "raw", "--ids",
                benchIDs(tokenCount).map { "\($0)" }.joined(separator: ","),
            ])
            try run.expectDone()
            var bytes: [UInt8] = []
            for text in JSON.writtenNumbers(run.outputText, member: "output") {
                let value = try #require(Float(text))
                #expect(value.description == text, "shortest digits")
                let double = try #require(Double(text))
                #expect(Float(double) == value, "also through a double")
                withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
            }
            #expect(bytes.count == tokenCount * TinyBert.columnCount * 4)
            #expect(row["outputs_sha256"] as? String == digest(bytes))
        }
    }

    private static func instructionSets() throws -> [(name: String, isSupported: Bool)] {
        let run = try Program.runEdge.run(["isa", "--json"])
        try run.expectDone()
        let sets = try #require(try run.json()["instruction_sets"] as? [[String: Any]])
        return try sets.map {
            (try #require($0["name"] as? String), try #require($0["supported"] as? Bool))
        }
    }

    private static func supportedInstructionSets() throws -> [String] {
        let names = try instructionSets().filter(\.isSupported).map(\.name)
        try #require(names.contains("scalar"))
        return names
    }

    private func line(tokenCount: Int) -> String {
        let ids = (0..<tokenCount).map { ($0 * 37 + tokenCount * 11) % TinyBert.vocabularySize }
        let types = (0..<tokenCount).map { $0 * 2 < tokenCount ? 0 : 1 }
        return "{\"ids\":\(ids),\"type_ids\":\(types)}\n"
    }

    /// The ids that `run-edge bench` uses.
    private func benchIDs(_ count: Int) -> [Int] {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(TinyBert.vocabularySize))
        }
    }

    private func digest(_ bytes: [UInt8]) -> String {
        var state = atn_sha256()
        atn_sha256_begin(&state)
        bytes.withUnsafeBytes { atn_sha256_update(&state, $0.baseAddress, $0.count) }
        var digest = [UInt8](repeating: 0, count: 32)
        digest.withUnsafeMutableBufferPointer { atn_sha256_end(&state, $0.baseAddress) }
        return digest.map { String(format: "%02x", $0) }.joined()
    }
}
