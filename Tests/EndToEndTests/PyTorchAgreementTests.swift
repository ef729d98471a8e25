import Foundation
import Testing

/// Compressed models against the outputs of PyTorch on the same checkpoints.
@Suite struct PyTorchAgreementTests {
    @Test("A float model computes PyTorch's hidden states", arguments: TinyBert.allCases)
    func floatModelsComputeTheHiddenStatesOfPyTorch(model: TinyBert) throws {
        // The task keeps the classifier's logits out of the way.
        let path = try CompressedModels.path(of: model, preset: "float", task: "raw")
        for sample in try model.samples() where model != .classifier {
            let output = try rawOutput(path, sample)
            #expect(output.shape == [sample.ids.count, TinyBert.columnCount])
            expectClose(output.values, to: sample.hiddenState)
        }
    }

    @Test("A float classifier computes PyTorch's logits, and its scores are their softmax")
    func floatClassifiersComputeTheLogitsOfPyTorch() throws {
        let path = try CompressedModels.path(of: .classifier, preset: "float")
        for sample in try TinyBert.classifier.samples() {
            let output = try rawOutput(path, sample)
            #expect(output.shape == [1, 3])
            expectClose(output.values, to: sample.logits)

            let run = try Program.runEdge.run(
                [path, "--input", "-"], input: Array(sample.line.utf8))
            try run.expectDone()
            let answer = try run.json()
            let scores = try #require(answer["scores"] as? [String: Double])
            let sum = sample.logits.map { exp($0) }.reduce(0, +)
            for (label, logit) in zip(["no", "perhaps", "yes"], sample.logits) {
                #expect(abs((scores[label] ?? 0) - exp(logit) / sum) < 1e-5)
            }
            let best = try #require(scores.max { $0.value < $1.value })
            #expect(answer["label"] as? String == best.key)
            #expect(answer["score"] as? Double == best.value)
        }
    }

    @Test("The embedding of the first token is the first row of PyTorch's hidden states")
    func embeddingsOfTheFirstTokenAreThoseOfPyTorch() throws {
        let copy = try CheckpointCopy(of: .plain)
        let modules = ["Transformer", "Pooling"].map {
            ["type": "models.\($0)", "path": $0 == "Pooling" ? "1_Pooling" : ""]
        }
        try copy.folder.write(
            "modules.json", try JSONSerialization.data(withJSONObject: modules))
        try FileManager.default.createDirectory(
            atPath: copy.folder.path + "/1_Pooling", withIntermediateDirectories: true)
        try copy.folder.write("1_Pooling/config.json", #"{"pooling_mode":"cls"}"#.utf8)
        let path = try CompressedModels.path(
            of: copy.folder.path, name: "first-token", preset: "float")
        for sample in try TinyBert.plain.samples() {
            let run = try Program.runEdge.run(
                [path, "--input", "-"], input: Array(sample.line.utf8))
            try run.expectDone()
            expectClose(
                JSON.numbers(try run.json()["embedding"]),
                to: Array(sample.hiddenState.prefix(TinyBert.columnCount)))
        }
        // The other rows of the last layer are not computed.
        let raw = try Program.runEdge.run([path, "--ids", "1", "--task", "raw"])
        raw.expectRefusal(2, naming: [path, "'embed'", "'raw'"])
    }

    @Test(
        "An int8 model keeps the direction of PyTorch's hidden states",
        arguments: TinyBert.allCases)
    func int8ModelsKeepTheDirectionOfEveryRow(model: TinyBert) throws {
        let path = try CompressedModels.path(of: model, preset: "int8", task: "raw")
        for sample in try model.samples() where model != .classifier {
            let output = try rawOutput(path, sample)
            #expect(output.shape == [sample.ids.count, TinyBert.columnCount])
            for row in 0..<sample.ids.count {
                let range = row * TinyBert.columnCount..<(row + 1) * TinyBert.columnCount
                try #require(output.values.count >= range.upperBound)
                let similarity = cosine(output.values[range], sample.hiddenState[range])
                #expect(similarity >= 0.99, "row \(row) of \(sample.ids.count)")
            }
        }
    }

    @Test("Token types matter: leaving them out changes the answer")
    func tokenTypesReachTheModel() throws {
        let path = try CompressedModels.path(of: .plain, preset: "float")
        let sample = try #require(
            try TinyBert.plain.samples().first { $0.typeIDs.contains(1) })
        let untyped = try Program.runEdge.run(
            [path, "--task", "raw", "--ids", sample.ids.map { "\($0)" }.joined(separator: ",")])
        try untyped.expectDone()
        let values = JSON.numbers(try untyped.json()["output"])
        #expect(largestDifference(values, sample.hiddenState) > 0.01)
    }

    private func rawOutput(
        _ path: String, _ sample: TinyBert.Sample
    ) throws -> (shape: [Int], values: [Double]) {
        let run = try Program.runEdge.run(
            [path, "--task", "raw", "--input", "-"], input: Array(sample.line.utf8))
        try run.expectDone()
        let json = try run.json()
        return (JSON.numbers(json["shape"]).map { Int($0) }, JSON.numbers(json["output"]))
    }

    private func expectClose(
        _ values: [Double], to expected: [Double],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let largest = expected.map { abs($0) }.max() ?? 0
        #expect(largest > 0, sourceLocation: sourceLocation)
        #expect(
            largestDifference(values, expected) <= 2e-5 * largest, sourceLocation: sourceLocation)
    }

    private func largestDifference(_ values: [Double], _ expected: [Double]) -> Double {
        guard values.count == expected.count else { return .infinity }
        return zip(values, expected).map { abs($0 - $1) }.max() ?? .infinity
    }

    private func cosine(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
        func dot(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
            zip(a, b).map { $0 * $1 }.reduce(0, +)
        }
        return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    }
}
