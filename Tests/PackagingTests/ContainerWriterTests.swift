import AtomicFiles
import EdgeFormat
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import Packaging

@Suite struct ContainerWriterTests {
    private let folder: TemporaryFolder
    private var sample: SampleModel
    private let tokenizer = Array("a tokenizer, a tokenizer, a tokenizer".utf8)

    init() throws {
        folder = try TemporaryFolder()
        sample = try SampleModel()
    }

    private func write(_ name: String) throws -> WrittenContainer {
        let lowered = try LoweredModel(sample.compressed, tokenizer: tokenizer)
        return try ContainerWriter(lowered).write(to: folder.path + "/" + name)
    }

    /// The error that writing the sample ends with.
    private func refusal(_ name: String = "model.atn") -> PackagingError? {
        do {
            _ = try write(name)
            return nil
        } catch {
            return error as? PackagingError
        }
    }

    @Test mutating func theSameModelGivesTheSameBytes() throws {
        _ = try write("first.atn")
        _ = try write("second.atn")
        #expect(try folder.bytes("first.atn") == folder.bytes("second.atn"))
        sample = try SampleModel()
        _ = try write("third.atn")
        #expect(try folder.bytes("first.atn") == folder.bytes("third.atn"))
    }

    @Test func aContainerHoldsTheModel() throws {
        let written = try write("model.atn")
        let container = try WrittenBytes(folder.bytes("model.atn"))
        let directory = container.directory
        #expect(written.byteCount == container.bytes.count)
        #expect(written.contentDigest == sha256(Array(container.bytes[128...])))
        #expect(container.header.contentDigest == written.contentDigest)
        #expect(
            directory.tensors.map { String(decoding: $0.name, as: UTF8.self) } == [
                "beta", "bias", "gamma", "head.weight", "positions", "tokenizer", "tokens",
                "tokens.scales", "weight", "weight.scales",
            ])
        #expect(
            directory.features == [
                Feature.int8Attention.bytes, Feature.int8Rows.bytes, Feature.sparseChunks.bytes,
            ])
        #expect(try directory.metadata.text("task") == Array("classify".utf8))
        #expect(
            directory.metadata["labels"]
                == .texts(sample.model.labels.map { Array($0.utf8) }))
        #expect(
            directory.program.instructions.map(\.opcode) == [
                .embed, .quantize, .linear, .attention, .layerNorm, .pool, .linear, .normalizeL2,
            ])
        let entries = Dictionary(uniqueKeysWithValues: written.entries.map { ($0.name, $0) })
        #expect(entries["tokens"]?.rawByteCount == 96_000)
        #expect((entries["tokens"]?.storedByteCount ?? 0) < 96_000)
    }

    @Test func everyTensorComesBack() throws {
        _ = try write("model.atn")
        let container = try WrittenBytes(folder.bytes("model.atn"))
        let lowered = try LoweredModel(sample.compressed, tokenizer: tokenizer)
        for (tensor, record) in zip(lowered.tensors, container.directory.tensors) {
            #expect(
                try container.raw(record) == tensor.bytes(0..<tensor.rowCount), "\(tensor.name)")
        }
        let tokens = try #require(container.directory.tensor(named: Array("tokens".utf8)))
        #expect(container.directory.tensors[tokens].chunkCount > 1)
        let name = try #require(container.directory.tensor(named: Array("tokenizer".utf8)))
        #expect(try container.raw(container.directory.tensors[name]) == tokenizer)
    }

    @Test mutating func aFeatureIsListedOnlyIfItIsUsed() throws {
        sample.model.parameters["weight"] = Parameter(
            shape: [32, 32],
            storage: .quantizedRows(
                QuantizedRows(
                    rowCount: 32, columnCount: 32, codes: (0..<1024).map { Int8($0 % 100 + 1) },
                    scales: [Float](repeating: 1, count: 32))))
        _ = try write("model.atn")
        let directory = try WrittenBytes(folder.bytes("model.atn")).directory
        #expect(directory.chunks.allSatisfy { $0.encoding != .sparse })
        #expect(directory.features == [Feature.int8Attention.bytes, Feature.int8Rows.bytes])
    }

    @Test func chunksAreStoredInTheirSmallestForm() throws {
        _ = try write("model.atn")
        let directory = try WrittenBytes(folder.bytes("model.atn")).directory
        func encodings(_ name: String) throws -> Set<ChunkEncoding> {
            let index = try #require(directory.tensor(named: Array(name.utf8)))
            let tensor = directory.tensors[index]
            let chunks = tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount
            return Set(directory.chunks[chunks].map(\.encoding))
        }
        #expect(try encodings("weight") == [.sparse])
        #expect(try encodings("tokens") == [.zstd])
        #expect(try encodings("tokenizer") == [.zstd])
        // Scales without a pattern gain too little to be decoded for it.
        #expect(try encodings("weight.scales") == [.raw])
        #expect(try encodings("tokens.scales") == [.zstd])
    }

    @Test func halvesOfTheCheckpointAreStoredAsTheyAre() throws {
        _ = try write("model.atn")
        let container = try WrittenBytes(folder.bytes("model.atn"))
        let index = try #require(container.directory.tensor(named: Array("positions".utf8)))
        let record = container.directory.tensors[index]
        #expect(record.type == .f16)
        let expected = (0..<512).flatMap { [UInt8($0 & 0xff), UInt8(0x30 + $0 >> 8)] }
        #expect(try container.raw(record) == expected)
    }

    @Test func progressEndsAtOne() throws {
        var last = 0.0
        let lowered = try LoweredModel(sample.compressed, tokenizer: nil)
        _ = try ContainerWriter(lowered).write(to: folder.path + "/model.atn") { share in
            #expect(share >= last)
            last = share
        }
        #expect(last == 1)
    }

    // MARK: - Errors

    @Test mutating func whatReadersWouldRefuseIsNotWritten() throws {
        sample.model.maximumTokens = 0
        guard case .format(.overLimit("maximum tokens", 1 << 24, 0)) = refusal() else {
            Issue.record("written")
            return
        }
        #expect(try folder.names.isEmpty)
    }

    @Test mutating func aWeightThatCannotBeReadLeavesNoFile() throws {
        sample.model.parameters["gamma"]?.storage = .checkpoint(
            name: "absent", elementType: .float32)
        let error = refusal()
        switch error {
        case .model: break
        default: Issue.record("\(String(describing: error))")
        }
        #expect(try folder.names.isEmpty)
    }

    @Test mutating func otherElementTypesAreRefused() {
        sample.model.parameters["weight"] = Parameter(
            shape: [32, 32], storage: .checkpoint(name: "wide", elementType: .float64))
        guard case .unsupportedElementType("weight", "F64") = refusal() else {
            Issue.record("written")
            return
        }
    }

    @Test mutating func aRowMustFitAChunk() {
        let columns = (1 << 20) / 4 + 1
        sample.model.parameters["weight"] = Parameter(
            shape: [1, columns], storage: .dense(Tensor(zeros: [1, columns])))
        guard case .rowTooLarge("weight", 1_048_580, 1_048_576) = refusal() else {
            Issue.record("written")
            return
        }
    }

    @Test func aFolderThatIsMissingIsAnError() {
        guard case .file(let error) = refusal("absent/model.atn") else {
            Issue.record("written")
            return
        }
        #expect(error == AtomicFileError(operation: "create", errno: ENOENT))
    }

    @Test func everyErrorIsOneSentence() {
        let cases: [(PackagingError, String)] = [
            (.format(.notAContainer), "not an .atn container (wrong magic number)"),
            (
                .unsupportedElementType(tensor: "w", type: "F64"),
                "tensor 'w': element type F64 cannot be stored; F32, F16 and BF16 can"
            ),
            (
                .rowTooLarge(tensor: "w", byteCount: 9, limit: 8),
                "tensor 'w': one row takes 9 bytes, the limit is 8"
            ),
            (
                .file(AtomicFileError(operation: "create", errno: ENOENT)),
                "create: No such file or directory"
            ),
            (.zstd(message: "out of memory"), "zstd: out of memory"),
        ]
        for (error, sentence) in cases { #expect(error.description == sentence) }
    }

    @Test mutating func aWeightCalledLikeAnotherTensorIsRefused() throws {
        for name in ["tokenizer", "weight.scales"] {
            sample = try SampleModel()
            sample.model.parameters[name] = sample.model.parameters["gamma"]
            for index in sample.model.graph.nodes.indices {
                guard
                    case .layerNormalization(var norm) = sample.model.graph.nodes[index].operation
                else { continue }
                norm.gamma = name
                sample.model.graph.nodes[index].operation = .layerNormalization(norm)
            }
            guard case .duplicateTensor(name) = refusal() else {
                Issue.record("two tensors called \(name) were written")
                continue
            }
        }
    }

    @Test func aNameThatNoFieldHoldsIsRefused() throws {
        #expect(throws: PackagingError.self) {
            _ = try StoredTensor(
                name: String(repeating: "x", count: 65_536), type: .f32, shape: [1], storing: .raw,
                chunkBytes: 4
            ) { _ throws(PackagingError) in [] }
        }
    }
}
