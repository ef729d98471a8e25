import Foundation
import Testing

/// The checkpoint of the repository from text to label.
@Suite struct TopicClassifierTests {
    @Test("tokenize prints the ids of the reference, not cut to the length of the model")
    func tokenizePrintsTheReferenceIDs() throws {
        let path = try TopicClassifier.container(preset: "int8")
        let samples = try TopicClassifier.samples()
        let run = try Program.runEdge.run(
            ["tokenize", path, "--input", "-"], input: try input(samples))
        try run.expectDone()
        try #require(run.lines.count == samples.count)
        for (line, sample) in zip(run.lines, samples) {
            let ids = JSON.numbers(try JSON.object(line)["ids"]).map { Int($0) }
            // The reference is cut to the length of the model, before the last special token.
            #expect(ids.count >= sample.ids.count)
            #expect(ids.prefix(sample.ids.count - 1) == sample.ids.dropLast())
            #expect(ids.last == sample.ids.last)
        }
    }

    @Test("The float model computes PyTorch's logits from the text")
    func logitsAreThoseOfPyTorch() throws {
        let path = try TopicClassifier.container(preset: "float")
        let samples = try TopicClassifier.samples()
        let run = try Program.runEdge.run(
            [path, "--task", "raw", "--input", "-"], input: try input(samples))
        try run.expectDone()
        try #require(run.lines.count == samples.count)
        for (line, sample) in zip(run.lines, samples) {
            let logits = JSON.numbers(try JSON.object(line)["output"])
            try #require(logits.count == sample.logits.count)
            for (logit, expected) in zip(logits, sample.logits) {
                #expect(abs(logit - expected) <= 2e-4)
            }
        }
    }

    @Test("The float model answers PyTorch's label, with scores that sum to 1")
    func labelsAreThoseOfPyTorch() throws {
        let path = try TopicClassifier.container(preset: "float")
        let samples = try TopicClassifier.samples()
        let labels = try TopicClassifier.labels()
        let run = try Program.runEdge.run([path, "--input", "-"], input: try input(samples))
        try run.expectDone()
        try #require(run.lines.count == samples.count)
        for (line, sample) in zip(run.lines, samples) {
            let best = try #require(
                sample.logits.indices.max { sample.logits[$0] < sample.logits[$1] })
            let answer = try JSON.object(line)
            #expect(answer["label"] as? String == labels[best])
            let scores = try #require(answer["scores"] as? [String: Double])
            #expect(Set(scores.keys) == Set(labels))
            #expect(abs(scores.values.reduce(0, +) - 1) < 1e-5)
            #expect(answer["score"] as? Double == scores.values.max())
        }
    }

    @Test("The int8 model agrees with the float model on nearly all of the evaluation texts")
    func int8AgreesWithFloat() throws {
        let file = "\(TopicClassifier.folder)/evaluation.jsonl"
        let examples = try TopicClassifier.lines("evaluation.jsonl")
        var labels: [String: [String]] = [:]
        for preset in ["float", "int8"] {
            let run = try Program.runEdge.run(
                [TopicClassifier.container(preset: preset), "--input", file])
            try run.expectDone()
            labels[preset] = try run.lines.map {
                try #require(try JSON.object($0)["label"] as? String)
            }
        }
        let float = try #require(labels["float"])
        let int8 = try #require(labels["int8"])
        try #require(float.count == examples.count && int8.count == examples.count)
        let agreeing = zip(float, int8).filter { $0 == $1 }.count
        #expect(agreeing * 100 >= 97 * examples.count, "\(agreeing) of \(examples.count)")
        let truth = examples.compactMap { $0["label"] as? String }
        let right = [float, int8].map { labels in zip(labels, truth).filter { $0 == $1 }.count }
        // Far above the most frequent label, and int8 loses at most two lines in a hundred.
        #expect(right[0] * 2 > examples.count, "\(right[0]) of \(examples.count)")
        #expect(right[1] * 50 >= right[0] * 50 - examples.count, "\(right)")
    }

    @Test(
        "Every instruction set and number of threads answers the texts alike",
        arguments: ["float", "int8"])
    func outputsDependOnTheContainerOnly(preset: String) throws {
        let path = try TopicClassifier.container(preset: preset)
        let isa = try Program.runEdge.run(["isa", "--json"]).json()
        let sets = try #require(isa["instruction_sets"] as? [[String: Any]])
        let input = try input(TopicClassifier.samples())
        var outputs: Set<[UInt8]> = []
        for set in sets where set["supported"] as? Bool == true {
            let name = try #require(set["name"] as? String)
            for threads in ["1", "2", "3"] {
                let run = try Program.runEdge.run(
                    [path, "--task", "raw", "--input", "-", "--isa", name, "--threads", threads],
                    input: input)
                try run.expectDone()
                outputs.insert(run.output)
            }
        }
        #expect(outputs.count == 1)
    }

    @Test("One text, a file of texts and the ids of the text give the same answer")
    func everyWayInGivesTheSameAnswer() throws {
        let path = try TopicClassifier.container(preset: "int8")
        let folder = try TemporaryFolder()
        let text = "a fast web server with support for many protocols"
        let single = try Program.runEdge.run([path, "--text", text, "--json"])
        try single.expectDone()
        let tokens = try Program.runEdge.run(["tokenize", path, "--text", text]).json()
        let ids = JSON.numbers(tokens["ids"]).map { "\(Int($0))" }.joined(separator: ",")
        let file = try folder.write("texts.txt", "\(text)\n".utf8)
        for arguments in [[path, "--ids", ids, "--json"], [path, "--input", file]] {
            let run = try Program.runEdge.run(arguments)
            try run.expectDone()
            #expect(run.output == single.output)
        }
        // For a person, the best label comes first.
        let label = try #require(try single.json()["label"] as? String)
        let shown = try Program.runEdge.run([path, "--text", text])
        try shown.expectDone()
        #expect(shown.lines.first?.hasSuffix(label) == true)
    }

    @Test("A pair is two texts with a separator, the second of type 1")
    func pairsHaveTwoTypes() throws {
        let path = try TopicClassifier.container(preset: "float")
        func ids(_ arguments: [String]) throws -> [Int] {
            let run = try Program.runEdge.run(["tokenize", path] + arguments)
            try run.expectDone()
            return JSON.numbers(try run.json()["ids"]).map { Int($0) }
        }
        let (first, second) = ("web server", "command line editor")
        let a = try ids(["--text", first])
        let b = try ids(["--text", second])
        let both = try ids(["--text", first, "--text-pair", second])
        #expect(both == a + b.dropFirst())

        let types = a.map { _ in 0 } + b.dropFirst().map { _ in 1 }
        let line = "{\"ids\":\(both),\"type_ids\":\(types)}\n"
        let typed = try Program.runEdge.run(
            [path, "--task", "raw", "--input", "-"], input: Array(line.utf8))
        let pair = try Program.runEdge.run(
            [path, "--task", "raw", "--json", "--text", first, "--text-pair", second])
        try pair.expectDone()
        #expect(typed.output == pair.output)
        let json = "{\"text\":\"\(first)\",\"text_pair\":\"\(second)\"}\n"
        let fromLine = try Program.runEdge.run(
            [path, "--task", "raw", "--input", "-"], input: Array(json.utf8))
        #expect(fromLine.output == pair.output)
    }

    private func input(_ samples: [TopicClassifier.Sample]) throws -> [UInt8] {
        try samples.flatMap { sample in
            Array(try JSONSerialization.data(withJSONObject: ["text": sample.text])) + [0x0a]
        }
    }
}
