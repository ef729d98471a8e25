import EdgeFormat
import EdgeRuntime
import Foundation
import Testing

@testable import Packaging

/// Two readers that know nothing of each other say the same about a container.
@Suite(
    .enabled(if: IndependentReader.python != nil, Comment(rawValue: IndependentReader.absence)))
struct IndependentReaderTests {
    private let folder: TemporaryFolder
    private let container: WrittenBytes
    private var path: String { folder.path + "/model.atn" }

    init() throws {
        folder = try TemporaryFolder()
        var lowered = try LoweredModel(SampleModel().compressed, tokenizer: [1, 2, 3])
        lowered.metadata.set("number", .integer(-7))
        _ = try ContainerWriter(lowered).write(to: folder.path + "/model.atn")
        container = try WrittenBytes(folder.bytes("model.atn"))
    }

    @Test func bothReadersSeeTheSame() throws {
        try expectTheSameView(of: container, at: path)
    }

    @Test func bothReadersSeeRanges() throws {
        var sample = try SampleModel()
        sample.setInputRange(-1.5...2.25)
        _ = try ContainerWriter(LoweredModel(sample.compressed, tokenizer: [1, 2, 3]))
            .write(to: folder.path + "/ranges.atn")
        let container = try WrittenBytes(folder.bytes("ranges.atn"))
        #expect(container.directory.features.contains(Feature.staticRanges.bytes))
        #expect(
            container.directory.program.instructions.contains {
                guard case .quantize(_, _, _, let range) = $0 else { return false }
                return range == CodeRange(low: -1.5, high: 2.25)
            })
        try expectTheSameView(of: container, at: folder.path + "/ranges.atn")
    }

    @Test func bothReadersSeeGroups() throws {
        var sample = try SampleModel()
        sample.useGroups()
        let path = folder.path + "/groups.atn"
        func write() throws {
            _ = try ContainerWriter(LoweredModel(sample.compressed, tokenizer: [1, 2, 3])).write(
                to: path)
        }
        try write()
        let container = try WrittenBytes(folder.bytes("groups.atn"))
        #expect(container.directory.features.contains(Feature.int4Groups.bytes))
        #expect(container.directory.tensors.contains { $0.scheme == .int4Groups })
        try expectTheSameView(of: container, at: path)
        // What is out of range is refused by the runtime and by the other reader.
        var codes = [Int8](repeating: 7, count: 1024)
        codes[5 * 32 + 3] = 8
        var multipliers = [Int8](repeating: 127, count: 32)
        multipliers[9] = -128
        for (codes, multipliers, row) in [(codes, nil, 5), (nil, multipliers, 9)] {
            sample.useGroups(codes: codes, multipliers: multipliers)
            try write()
            #expect(try !IndependentReader.read([path]).errors.isEmpty)
            #expect {
                try Session(Container(path: Array(path.utf8)), options: SessionOptions())
            } throws: { error in
                guard case RuntimeError.format(.forbiddenCode(_, row: row)) = error else {
                    return false
                }
                return true
            }
        }
    }

    private func expectTheSameView(of container: WrittenBytes, at path: String) throws {
        let answer = try IndependentReader.read([path, "--json"])
        #expect(answer.errors.isEmpty)
        #expect(answer.status == 0)
        let found = try #require(
            try JSONSerialization.jsonObject(with: answer.output) as? [String: Any])
        let expected = try view(of: container)
        #expect(Set(found.keys) == Set(expected.keys))
        for (key, value) in expected {
            let other = try #require(found[key])
            #expect(try lines(of: other) == lines(of: value), "\(key)")
        }
    }

    /// One line for each field, so that a difference shows where it is.
    private func lines(of value: Any) throws -> [Substring] {
        let data = try JSONSerialization.data(
            withJSONObject: value, options: [.sortedKeys, .prettyPrinted])
        return String(decoding: data, as: UTF8.self).split(separator: "\n")
    }

    @Test func tensorsAreWrittenAsArrays() throws {
        let dump = folder.path + "/dump"
        #expect(try IndependentReader.read([path, "--dump", dump]).status == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: dump).sorted()
        #expect(names.count == container.directory.tensors.count)
        #expect(names.first == "00000-beta.npy")
        let array = Array(try Data(contentsOf: URL(fileURLWithPath: dump + "/00000-beta.npy")))
        #expect(Array(array.suffix(128)) == (try container.raw(container.directory.tensors[0])))
    }

    @Test func aTensorIsPrinted() throws {
        let answer = try IndependentReader.read([path, "--tensor", "tokenizer"])
        #expect(String(decoding: answer.output, as: UTF8.self) == "1 2 3\n")
        #expect(try IndependentReader.read([path, "--tensor", "absent"]).status == 3)
    }

    @Test func aDamagedFileIsRefusedInOneLine() throws {
        let size = container.bytes.count
        for offset in [0, 4, 8, 40, 60, 120, 126, 130, size / 2, size - 200, size - 1] {
            var damaged = container.bytes
            damaged[offset] ^= 0x10
            let file = folder.path + "/damaged.atn"
            try Data(damaged).write(to: URL(fileURLWithPath: file))
            let answer = try IndependentReader.read([file])
            #expect(answer.status == 3, "byte \(offset)")
            #expect(answer.output.isEmpty)
            #expect(answer.errors.hasPrefix("read_container: \(file): "))
            #expect(answer.errors.split(separator: "\n").count == 1)
        }
    }

    // MARK: - Sparse chunks

    /// The container with other stored bytes for its sparse chunk, with sizes and checksums that
    /// fit; `unlisted` leaves the feature out.
    private func changingSparse(
        unlisted: Bool = false, _ change: (inout [UInt8]) -> Void
    ) throws -> [UInt8] {
        var directory = container.directory
        let index = try #require(directory.chunks.firstIndex { $0.encoding == .sparse })
        let chunk = directory.chunks[index]
        var stored = Array(container.bytes[chunk.offset..<chunk.offset + chunk.storedSize])
        change(&stored)
        // Only scales follow the chunk, which is the last but one.
        try #require(index == directory.chunks.count - 2)
        let scales = directory.chunks[index + 1]
        var file = Array(container.bytes[..<chunk.offset]) + stored
        file += [UInt8](repeating: 0, count: (64 - file.count % 64) % 64)
        directory.chunks[index].storedSize = stored.count
        directory.chunks[index].checksum = crc32c(stored)
        directory.chunks[index + 1].offset = file.count
        file += container.bytes[scales.offset..<scales.offset + scales.storedSize]
        file += [UInt8](repeating: 0, count: (64 - file.count % 64) % 64)
        if unlisted { directory.features.removeAll { $0 == Feature.sparseChunks.bytes } }
        let encoded = directory.encoded()
        let offset = file.count
        file += encoded
        let header = ContainerHeader(
            fileSize: file.count, directoryOffset: offset, directorySize: encoded.count,
            contentDigest: sha256(Array(file[128...])), directoryChecksum: crc32c(encoded))
        return header.encoded() + file[128...]
    }

    private func answer(to file: [UInt8]) throws -> IndependentReader.Answer {
        let path = folder.path + "/changed.atn"
        try Data(file).write(to: URL(fileURLWithPath: path))
        return try IndependentReader.read([path])
    }

    @Test func sparseChunksThatBreakARuleAreRefused() throws {
        let unchanged = try answer(to: changingSparse { _ in })
        #expect(unchanged.status == 0)
        #expect(String(decoding: unchanged.output, as: UTF8.self).contains(" bytes sparse\n"))
        // A mask of 128 bytes for 1024 codes, and few values.
        let mask = [1, 0, 0x80] + [UInt8](repeating: 0, count: 125)
        func chunk(_ mask: [UInt8], _ values: [UInt8]) -> (inout [UInt8]) -> Void {
            { $0 = [UInt8(mask.count), 0, 0, 0] + mask + values }
        }
        #expect(try answer(to: changingSparse(chunk(mask, [1, 2]))).status == 0)
        let refused: [(String, (inout [UInt8]) -> Void)] = [
            ("has a mask of", { $0[0] = 0 }),
            ("has a mask of", { $0[3] = 0xff }),
            ("is too short for a mask", { $0 = [1, 0, 0, 0] }),
            ("has 3 bytes for 2 values", chunk(mask, [1, 2, 3])),
            ("chunk", chunk(mask, [1])),
            ("chunk", chunk([1, 2, 3], [1])),
            ("lists a zero", chunk(mask, [1, 0])),
            ("has a code of -128", chunk(mask, [1, 0x80])),
        ]
        for (words, change) in refused {
            let answer = try answer(to: changingSparse(change))
            #expect(answer.status == 3)
            #expect(answer.errors.contains(words), "\(answer.errors)")
        }
        let unlisted = try answer(to: changingSparse(unlisted: true) { _ in })
        #expect(unlisted.errors.contains("feature 'sparse-chunks'"), "\(unlisted.errors)")
    }

    // MARK: - The view of the Swift reader

    private func view(of container: WrittenBytes) throws -> [String: Any] {
        let header = container.header
        let directory = container.directory
        return [
            "header": [
                "readVersion": 2, "writeVersion": 2, "fileSize": header.fileSize,
                "directoryOffset": header.directoryOffset, "directorySize": header.directorySize,
                "contentDigest": hexadecimal(header.contentDigest),
                "directoryChecksum": Int(header.directoryChecksum),
            ] as [String: Any],
            "features": directory.features.map(text),
            "metadata": Dictionary(
                uniqueKeysWithValues: directory.metadata.entries.map {
                    (text($0.key), self.value(of: $0.value))
                }),
            "chunks": directory.chunks.map {
                [
                    "offset": $0.offset, "storedSize": $0.storedSize, "rawSize": $0.rawSize,
                    "checksum": Int($0.checksum), "encoding": Int($0.encoding.rawValue),
                ]
            },
            "tensors": try directory.tensors.map { tensor -> [String: Any] in
                [
                    "name": text(tensor.name), "type": "\(tensor.type)", "shape": tensor.shape,
                    "scheme": Int(tensor.scheme.rawValue), "scales": optional(tensor.scales),
                    "multipliers": optional(tensor.multipliers),
                    "firstChunk": tensor.firstChunk, "chunkCount": tensor.chunkCount,
                    "chunkRawBytes": tensor.chunkRawBytes,
                    "sha256": hexadecimal(sha256(try container.raw(tensor))),
                ]
            },
            "program": program(directory.program),
        ]
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func optional(_ number: Int?) -> Any { number ?? NSNull() }

    private func value(of value: MetadataValue) -> Any {
        switch value {
        case .text(let bytes): text(bytes)
        case .integer(let integer): integer
        case .texts(let texts): texts.map(text)
        }
    }

    private func program(_ program: Program) -> [String: Any] {
        [
            "maximumTokens": program.maximumTokens, "vocabularySize": program.vocabularySize,
            "typeCount": program.typeCount,
            "values": program.values.map { value -> [String: Any] in
                [
                    "kind": "\(value.kind)", "rows": optional(value.fixedRows),
                    "columns": value.columnCount,
                ]
            },
            "outputs": program.outputs.map { ["role": "\($0.code)", "value": $0.value] },
            "instructions": program.instructions.map(instruction),
        ]
    }

    private func instruction(_ instruction: Instruction) -> [String: Any] {
        var inputs: [Int?] = []
        var tensors: [Int?] = []
        var attributes: [UInt32] = []
        switch instruction {
        case .embed(_, let terms):
            tensors = terms.map(\.table) + terms.compactMap(\.keptTokens)
            attributes = terms.flatMap { [$0.index.rawValue, UInt32($0.offset)] }
        case .linear(let input, let residual, _, let weight, let bias, let activation):
            inputs = [input, residual]
            tensors = [weight, bias]
            attributes = [activation.rawValue]
        case .attention(let query, let key, let value, _, let shape):
            inputs = [query, key, value]
            attributes = [
                UInt32(shape.headCount), UInt32(shape.keyValueHeadCount), UInt32(shape.headSize),
                UInt32(shape.valueSize), shape.scale.bitPattern, shape.isCausal ? 1 : 0,
                shape.arithmetic.rawValue,
            ]
            if shape.window != nil || shape.scoreCap != nil {
                attributes += [UInt32(shape.window ?? 0), (shape.scoreCap ?? 0).bitPattern]
            }
            tensors = shape.slopes.map { [$0] } ?? []
        case .layerNorm(let input, let residual, _, let gamma, let beta, let epsilon):
            inputs = [input, residual]
            tensors = [gamma, beta]
            attributes = [epsilon.bitPattern]
        case .activate(let input, _, let activation):
            inputs = [input]
            attributes = [activation.rawValue]
        case .add(let left, let right, _):
            inputs = [left, right]
        case .pool(let input, _, let pooling):
            inputs = [input]
            attributes = [pooling.rawValue]
        case .normalizeL2(let input, _, let epsilon):
            inputs = [input]
            attributes = [epsilon.bitPattern]
        case .quantize(let input, _, let multipliers, let range):
            inputs = [input]
            tensors = [multipliers]
            attributes = range.map { [$0.low.bitPattern, $0.high.bitPattern] } ?? []
        case .angles(_, let frequencies, let factor):
            tensors = [frequencies]
            attributes = [factor.bitPattern]
        case .rotate(let input, let angles, _, let headSize, let pairing):
            inputs = [input, angles]
            attributes = [UInt32(headSize), pairing.rawValue]
        case .rmsNorm(let input, _, let gamma, let epsilon):
            inputs = [input]
            tensors = [gamma]
            attributes = [epsilon.bitPattern]
        case .multiply(let left, let right, _):
            inputs = [left, right]
        case .scale(let input, _, let factor):
            inputs = [input]
            attributes = [factor.bitPattern]
        }
        return [
            "opcode": "\(instruction.opcode)", "inputs": inputs.map(optional),
            "outputs": [instruction.output], "tensors": tensors.map(optional),
            "attributes": attributes.map { Int($0) },
        ]
    }
}
