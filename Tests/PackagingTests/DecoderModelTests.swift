import Checkpoints
import EdgeFormat
import EdgeRuntime
import Foundation
import ModelCompression
import ModelGraph
import Tensors
import Testing

@testable import Packaging

/// Decoders on their way into a container.
@Suite struct DecoderModelTests {
    private func compressed(_ name: String, _ task: ModelTask) throws -> CompressedModel {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-decoders/\(name)")
            .path
        let model = try Model(checkpoint: Checkpoint(path: path), task: task).keepingAnswers()
        return try Recipe.float.apply(to: model, calibration: nil)
    }

    @Test func answersDependOnTheTask() throws {
        let generating = try compressed("llama", .generate).model
        #expect(generating.graph.outputs[.nextLogits] != nil)
        #expect(generating.graph.outputs[.logits] == nil)
        let raw = try compressed("llama", .raw).model
        #expect(Set(raw.graph.outputs.keys) == [.logits, .hiddenState])
        #expect(!raw.graph.nodes.contains { $0.operation == .pool(.lastRow) })
    }

    /// GPT-2 stores `[inputs, outputs]`, and queries, keys and values in one tensor.
    @Test func partsOfTensorsHaveTheirBytes() throws {
        for (name, prefix) in [("gpt2", "transformer."), ("gpt2-variant", "")] {
            let compressed = try compressed(name, .raw)
            let lowered = try LoweredModel(compressed, tokenizer: nil)
            let source = try compressed.model.checkpoint.floats(prefix + "h.1.attn.c_attn.weight")
            let tensor = try #require(
                lowered.tensors.first { $0.name == "h.1.attn.value.weight" })
            #expect(tensor.type == (prefix.isEmpty ? .f16 : .f32) && tensor.shape == [32, 32])
            let bytes = try tensor.bytes(3..<5)
            for (row, output) in [3, 4].enumerated() {
                for input in 0..<32 {
                    let expected = source.values[input * 96 + 64 + output]
                    let place = row * 32 + input
                    let found = bytes.withUnsafeBytes {
                        prefix.isEmpty
                            ? HalfFloat.widen(
                                $0.loadUnaligned(fromByteOffset: 2 * place, as: UInt16.self))
                            : $0.loadUnaligned(fromByteOffset: 4 * place, as: Float.self)
                    }
                    #expect(found == expected)
                }
            }
            #expect(lowered.unusedTensors.isEmpty)
        }
    }

    @Test(arguments: ["gpt2", "gpt2-variant"])
    func theDeviceGivesTheLogitsOfTheReference(name: String) throws {
        let compressed = try compressed(name, .raw)
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/model.atn"
        _ = try ContainerWriter(LoweredModel(compressed, tokenizer: nil)).write(to: path)
        let session = try Session(Container(path: Array(path.utf8)), options: SessionOptions())
        let ids: [Int32] = [5, 2, 95, 11, 3, 7, 1, 30, 12]
        let device = try session.run(tokenIDs: ids, typeIDs: [], outputs: [.logits])[0].values
        let executor = ReferenceExecutor(model: compressed.model, threadCount: 1)
        let reference = try #require(try executor.run(tokenIDs: ids)[.logits]).values
        try #require(device.count == reference.count && device.count == 9 * 96)
        let scale = reference.reduce(0) { max($0, abs($1)) }
        for (found, expected) in zip(device, reference) {
            #expect(abs(found - expected) < 2e-5 * scale)
        }
    }
}
