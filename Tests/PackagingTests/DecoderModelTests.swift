import Checkpoints
import EdgeFormat
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression
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
        #expect(Set(generating.graph.outputs.keys) == [.nextLogits, .hiddenState])
        let lowered = try LoweredModel(
            CompressedModel(model: generating, recipe: .float, records: []), tokenizer: nil)
        #expect(
            Set(lowered.program.outputs.map(\.code)) == [.logits, .nextLogits, .hiddenState])
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
}
