import EdgeFormat
import Testing

@Suite struct TensorRecordTests {
    private typealias Tensor = SampleContainer.Tensor

    /// The error after a change of one tensor.
    private func refusal(
        _ index: Int, _ change: (inout TensorRecord) -> Void
    ) -> FormatError? {
        SampleContainer.refusal { change(&$0.directory.tensors[index]) }
    }

    /// Sets a byte of the record of tensor 0.
    private func refusal(byte offset: Int, _ value: UInt8) -> FormatError? {
        SampleContainer.refusal(in: .tensors) { $0[8 + offset] = value }
    }

    private func name(_ index: Int) -> [UInt8] {
        SampleContainer().directory.tensors[index].name
    }

    @Test func sizesFollowFromTheShape() {
        let tensors = SampleContainer().directory.tensors
        #expect(tensors[Tensor.head].elementCount == 16)
        #expect(tensors[Tensor.head].rawByteCount == 32)
        #expect(tensors[Tensor.head].rowCount == 2)
        #expect(tensors[Tensor.head].columnCount == 8)
        #expect(tensors[Tensor.beta].columnCount == 1)
        #expect(tensors[Tensor.nothing].rawByteCount == 0)
    }

    @Test func codesAreKnown() {
        #expect(refusal(byte: 6, 0) == .unknownCode(field: "element type", code: 0))
        #expect(refusal(byte: 6, 6) == .unknownCode(field: "element type", code: 6))
        #expect(refusal(byte: 36, 3) == .unknownCode(field: "quantization scheme", code: 3))
    }

    @Test func paddingIsZero() {
        for offset in [37, 39, 44, 47] {
            guard case .nonZeroPadding = refusal(byte: offset, 1) else {
                Issue.record("byte \(offset)")
                continue
            }
        }
    }

    @Test func shapesAreBounded() {
        #expect(refusal(byte: 7, 5) == .overLimit(field: "tensor rank", limit: 4, found: 5))
        #expect(
            refusal(byte: 12, 1)
                == .tensor(name: name(0), field: "unused dimension", expected: 0, found: 1))
        #expect(
            refusal(0) { $0.shape = [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff] }
                == .overLimit(field: "tensor elements", limit: 1 << 48, found: .max))
        #expect(
            refusal(0) { $0.shape = [1 << 24, 1 << 24, 2] }
                == .overLimit(field: "tensor elements", limit: 1 << 48, found: .max))
    }

    @Test func namesAscendAndAreText() {
        #expect(
            refusal(1) { $0.name = Array("beta".utf8) }
                == .notAscending(field: "tensor name", index: 1))
        #expect(
            refusal(1) { $0.name = Array("a".utf8) }
                == .notAscending(field: "tensor name", index: 1))
        #expect(refusal(1) { $0.name = [0x62, 0xfe] } == .invalidText(field: "tensor name"))
    }

    @Test func namesLieBesideEachOther() {
        #expect(
            refusal(byte: 0, 1) == .wrongValue(field: "tensor name offset", expected: 0, found: 1))
        let error = SampleContainer.refusal(in: .tensors) { payload in
            payload.set(payload.u32(at: 4) + 1, at: 4)
            payload.append(0x61)
        }
        #expect(error == .trailingBytes(field: "tensor names", count: 1))
    }

    @Test func tablesFitTheSection() {
        #expect(
            SampleContainer.refusal(in: .tensors) { $0.set(UInt32(65_537), at: 0) }
                == .overLimit(field: "tensor count", limit: 65_536, found: 65_537))
        let changes: [(Int, UInt32)] = [(0, 14), (4, 900)]
        for (offset, value) in changes {
            let error = SampleContainer.refusal(in: .tensors) { $0.set(value, at: offset) }
            guard case .truncated(field: "tensor names", _, _, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    // MARK: - Chunks

    @Test func chunksFollowThoseOfTheTensorBefore() {
        #expect(
            refusal(1) { $0.firstChunk = 2 }
                == .tensor(name: name(1), field: "first chunk", expected: 1, found: 2))
    }

    @Test func chunksFillTheTensor() {
        let left = UInt64(SampleContainer().directory.chunks.count)
        #expect(
            refusal(0) { $0.chunkCount = 1000 }
                == .tensor(name: name(0), field: "chunk count", expected: left, found: 1000))
        #expect(
            refusal(0) { $0.chunkCount = 2 }
                == .tensor(name: name(0), field: "chunk count", expected: 1, found: 2))
        #expect(
            refusal(Tensor.beta) {
                $0.shape = [7]; $0.chunkRawBytes = 28
            }
                == .tensor(name: name(0), field: "raw size of a chunk", expected: 28, found: 32))
    }

    @Test func bytesPerChunkAreAMultipleOfTheRowAndNoMoreThanTheTensor() {
        let field: StaticText = "bytes per chunk (a multiple of the row size)"
        for size in [0, 24, 64, 1 << 31] {
            #expect(
                refusal(Tensor.head) { $0.chunkRawBytes = size }
                    == .tensor(
                        name: name(Tensor.head), field: field, expected: 16,
                        found: UInt64(size)))
        }
    }

    @Test func anEmptyTensorHasNoChunks() {
        for (chunks, bytes) in [(1, 0), (0, 4)] {
            #expect(
                refusal(Tensor.nothing) {
                    $0.chunkCount = chunks; $0.chunkRawBytes = bytes
                }
                    == .tensor(
                        name: name(Tensor.nothing), field: "chunks of an empty tensor",
                        expected: 0, found: UInt64(max(chunks, bytes))))
        }
    }

    // MARK: - Quantization

    @Test func floatsHaveNoScales() {
        #expect(
            refusal(Tensor.types) { $0.scales = 1 }
                == .tensor(
                    name: name(Tensor.types), field: "scales tensor", expected: 0xffff_ffff,
                    found: 1))
    }

    @Test func codesAreMatricesOfBytes() {
        #expect(
            refusal(Tensor.tokens) {
                $0.shape = [40]; $0.chunkRawBytes = 16
            }
                == .tensor(
                    name: name(Tensor.tokens), field: "rank of a tensor of codes", expected: 2,
                    found: 1))
        guard case .tensor = refusal(Tensor.tokens, { $0.type = .u8 }) else {
            Issue.record("unsigned codes were accepted")
            return
        }
    }

    @Test func theTokenizerIsARowOfBytes() {
        func error(rank: UInt64) -> FormatError {
            .tensor(
                name: name(Tensor.tokenizer), field: "rank of a row of bytes", expected: 1,
                found: rank)
        }
        #expect(refusal(Tensor.tokenizer) { $0.type = .i8 } == error(rank: 1))
        #expect(refusal(Tensor.tokenizer) { $0.shape = [5, 1] } == error(rank: 2))
    }

    @Test func multipliersAreOneByteForEachGroup() {
        for multipliers in [Tensor.tokens, Tensor.types, 1 << 20] {
            #expect(
                refusal(Tensor.weight) {
                    $0.scheme = .int4Groups
                    $0.multipliers = multipliers
                }
                    == .tensor(
                        name: name(Tensor.weight), field: "multipliers tensor", expected: 1,
                        found: UInt64(multipliers)))
        }
        // Codes of 8 bits have none: what stands there is padding.
        #expect(refusal(Tensor.weight) { $0.multipliers = 3 } != nil)
    }

    @Test func scalesAreAVectorOfOneFloatForEachRow() {
        for scales in [nil, Tensor.weightScales, Tensor.tokenizer, Tensor.tokens, 13, 1 << 31] {
            let found = scales.map { UInt64($0) } ?? 0xffff_ffff
            #expect(
                refusal(Tensor.tokens) { $0.scales = scales }
                    == .tensor(
                        name: name(Tensor.tokens), field: "scales tensor", expected: 5,
                        found: found))
        }
    }
}
