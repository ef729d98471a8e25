import Checkpoints
import EdgeFormat
import EdgeRuntime
import Foundation
import ModelCompression
import ModelGraph
import Packaging
import Testing

@testable import Evaluation

/// Containers written from a small checkpoint, against that checkpoint.
@Suite struct ContainerCandidateTests {
    private let folder: TemporaryFolder
    private let checkpoint: Checkpoint

    init() throws {
        folder = try TemporaryFolder()
        checkpoint = try Checkpoint(
            path: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-bert/classifier")
                .path)
    }

    private func write(_ name: String, _ recipe: Recipe, task: ModelTask? = nil) throws -> String {
        let path = "\(folder.path)/\(name)"
        let model = try Model(checkpoint: checkpoint, task: task)
        var lowered = try LoweredModel(
            try recipe.apply(to: model) { _, _ in }, tokenizer: nil)
        try Provenance(checkpoint).record(in: &lowered.metadata)
        _ = try ContainerWriter(lowered).write(to: path)
        return path
    }

    private func candidate(_ file: String) throws -> ContainerCandidate {
        try ContainerCandidate(
            file: file, container: try ContainerCandidate.open(file: file),
            options: SessionOptions())
    }

    private func data(_ text: String) throws -> EvaluationSet {
        try EvaluationSet(file: try folder.write("data.jsonl", text: text))
    }

    @Test(arguments: [ModelTask.classify, .raw])
    func floatContainerAnswersAsTheReference(task: ModelTask) throws {
        let reference = ReferenceCandidate(
            file: "float", model: try Model(checkpoint: checkpoint, task: task), threadCount: 1)
        let result = try Comparison.run(
            reference: reference,
            containers: [
                try candidate(try write("float.atn", .float, task: task)),
                try candidate(try write("int8.atn", .int8, task: task)),
            ],
            data: try data(
                """
                {"ids": [1, 2, 3], "label": "yes"}
                {"ids": [9, 8, 7, 6, 5, 4, 3, 2, 1], "type_ids": [0, 0, 0, 0, 0, 1, 1, 1, 1]}
                """))
        #expect(result.failures.isEmpty)
        #expect(result.task == task)
        #expect(result.containers[0].metrics.cosine.minimum > 0.999999)
        #expect(result.containers[1].metrics.cosine.minimum > 0.99)
        #expect(result.containers[1].metrics.cosine.minimum < 0.9999999)
        #expect((result.containers[0].metrics.decisions != nil) == (task == .classify))
    }

    @Test func inputsThatAModelRefusesAreFailuresOfTheirLines() throws {
        let container = try candidate(try write("float.atn", .float))
        let reference = ReferenceCandidate(
            file: "float", model: try Model(checkpoint: checkpoint), threadCount: 1)
        let long = (1...41).map { _ in "1" }.joined(separator: ",")
        let result = try Comparison.run(
            reference: reference, containers: [container],
            data: try data(
                """
                {"ids": [1]}
                {"ids": [100]}
                {"ids": [\(long)]}
                {"ids": [1], "type_ids": [2]}
                {"text": "no tokenizer"}
                """))
        #expect(result.exampleCount == 1)
        #expect(
            result.failures == [
                LineFailure(
                    line: 2,
                    problem: .reference(
                        .tokenOutOfRange(position: 0, id: 100, vocabularySize: 100))),
                LineFailure(
                    line: 3, problem: .reference(.tooManyTokens(count: 41, maximum: 40))),
                LineFailure(
                    line: 4,
                    problem: .reference(.typeOutOfRange(position: 0, id: 2, typeCount: 2))),
                LineFailure(
                    line: 5, problem: .container(file: container.file, .noTokenizer)),
            ])
    }

    @Test func factsAreThoseOfTheFiles() throws {
        let file = try write("int8.atn", .int8)
        let facts = ContainerFacts(file: file, container: try ContainerCandidate.open(file: file))
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
        #expect(facts.byteCount == size)
        #expect(facts.digest.count == 64)
        #expect(facts.recipe == Recipe.int8.json)
        #expect(facts.taskName == "classify")
        let float = try CheckpointFacts(file: "float", model: try Model(checkpoint: checkpoint))
        #expect(float.digest == facts.sourceDigest)
        #expect(float.family == "bert")
        #expect(float.maximumTokens == 40)
        #expect(
            float.weightByteCount
                == checkpoint.tensorNames.compactMap { checkpoint.byteCount(of: $0) }.reduce(0, +))
    }

    @Test func damagedContainersAreRefused() throws {
        let missing = "\(folder.path)/missing.atn"
        #expect(throws: EvaluationError.container(file: missing, .file(errno: 2))) {
            try ContainerCandidate.open(file: missing)
        }
        let text = try folder.write("text.atn", text: String(repeating: "no container ", count: 20))
        #expect(throws: EvaluationError.container(file: text, .format(.notAContainer))) {
            try ContainerCandidate.open(file: text)
        }
        let file = try write("int8.atn", .int8)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        bytes[ContainerHeader.byteCount + 5] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
        #expect(throws: EvaluationError.digestMismatch(file: file)) {
            try ContainerCandidate.open(file: file)
        }
    }

    @Test func referenceIsTimed() throws {
        let reference = ReferenceCandidate(
            file: "float", model: try Model(checkpoint: checkpoint), threadCount: 1)
        let benchmark = try Benchmark(
            reference: reference,
            options: BenchmarkOptions(lengths: [1, 40], threadCount: 1, seconds: 0), start: 0)
        #expect(benchmark.lengths.map(\.tokenCount) == [1, 40])
        #expect(benchmark.lengths.allSatisfy { $0.runCount == 5 })
        #expect(benchmark.peakResidentByteCount > 0)
        let file = reference.file
        #expect(
            throws: EvaluationError.reference(
                file: file, .tooManyTokens(count: 41, maximum: 40))
        ) {
            try Benchmark(
                reference: reference,
                options: BenchmarkOptions(lengths: [41], threadCount: 1, seconds: 0), start: 0)
        }
    }
}
