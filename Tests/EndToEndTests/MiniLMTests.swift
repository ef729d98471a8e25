import Foundation
import Testing

/// all-MiniLM-L6-v2, which `tools/test --models` fetches.
enum MiniLM {
    static let folder = ProcessInfo.processInfo.environment["ATTENUATE_MODELS"]
    static let sentences = "\(TinyBert.root)/Tests/Fixtures/minilm/sentences.txt"

    static func container(preset: String) throws -> String {
        try CompressedModels.path(of: try #require(folder), name: "minilm", preset: preset)
    }

    /// The embeddings of all sentences.
    static func embeddings(
        preset: String, arguments: [String] = [], program: Program = .runEdge
    ) throws -> [[Double]] {
        let run = try program.run(
            [container(preset: preset), "--input", sentences] + arguments, limit: 300)
        try run.expectDone()
        return try run.lines.map { JSON.numbers(try JSON.object($0)["embedding"]) }
    }

    static func cosine(_ left: [Double], _ right: [Double]) -> Double {
        func dot(_ a: [Double], _ b: [Double]) -> Double {
            zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        }
        return dot(left, right) / (dot(left, left) * dot(right, right)).squareRoot()
    }
}

/// A real sentence-embedding model from its checkpoint to its embeddings.
@Suite(
    .enabled(
        if: MiniLM.folder != nil,
        "needs all-MiniLM-L6-v2, which tools/test --models fetches"))
struct MiniLMTests {
    private struct Reference: Decodable {
        struct Case: Decodable {
            let text: String
            let inputIDs: [Int]
            let embedding: [Double]

            enum CodingKeys: String, CodingKey {
                case text, embedding
                case inputIDs = "input_ids"
            }
        }
        let cases: [Case]
    }

    private func reference() throws -> [Reference.Case] {
        let path = "\(TinyBert.root)/Tests/Fixtures/minilm/reference.json"
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return try JSONDecoder().decode(Reference.self, from: data).cases
    }

    @Test("The tokens are those of Hugging Face tokenizers")
    func tokensAreThoseOfTheReference() throws {
        let cases = try reference()
        let path = try MiniLM.container(preset: "int8")
        for expected in cases {
            let run = try Program.runEdge.run(["tokenize", path, "--text", expected.text])
            try run.expectDone()
            #expect(JSON.numbers(try run.json()["ids"]).map { Int($0) } == expected.inputIDs)
        }
    }

    @Test("The float model gives PyTorch's embeddings within 1e-5")
    func floatEmbeddingsAreThoseOfPyTorch() throws {
        let cases = try reference()
        let embeddings = try MiniLM.embeddings(preset: "float")
        try #require(embeddings.count >= cases.count && !cases.isEmpty)
        for (embedding, expected) in zip(embeddings, cases) {
            try #require(embedding.count == expected.embedding.count)
            for (found, wanted) in zip(embedding, expected.embedding) {
                #expect(abs(found - wanted) <= 1e-5)
            }
        }
    }

    @Test("The int8 container takes at most 21.5 MB and keeps a mean cosine of 0.999")
    func int8IsSmallAndFaithful() throws {
        let path = try MiniLM.container(preset: "int8")
        let size = try #require(
            try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size <= 21_500_000)
        let float = try MiniLM.embeddings(preset: "float")
        let int8 = try MiniLM.embeddings(preset: "int8")
        try #require(float.count == int8.count && float.count >= 100)
        let cosines = zip(float, int8).map { MiniLM.cosine($0, $1) }
        let mean = cosines.reduce(0, +) / Double(cosines.count)
        #expect(mean >= 0.999, "\(mean)")
        #expect(cosines.min() ?? 0 >= 0.99)
    }

    @Test("Every instruction set and 1 and 2 threads give the same bytes")
    func bytesAreTheSameEverywhere() throws {
        let isa = try Program.runEdge.run(["isa", "--json"]).json()
        let sets = try #require(isa["instruction_sets"] as? [[String: Any]])
        let path = try MiniLM.container(preset: "int8")
        let input = Array(
            try String(contentsOfFile: MiniLM.sentences, encoding: .utf8)
                .split(separator: "\n").prefix(16).map { "{\"text\":\"\($0)\"}" }
                .filter { !$0.contains("\\") }.joined(separator: "\n").utf8)
        var outputs: Set<[UInt8]> = []
        for set in sets where set["supported"] as? Bool == true {
            let name = try #require(set["name"] as? String)
            for threads in ["1", "2"] {
                let run = try Program.runEdge.run(
                    [path, "--input", "-", "--isa", name, "--threads", threads], input: input,
                    limit: 300)
                outputs.insert(run.output)
            }
        }
        #expect(outputs.count == 1)
        #expect(outputs.first?.isEmpty == false)
    }
}
