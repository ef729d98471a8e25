import EdgeFormat
import Testing

@Suite struct ChunkRecordTests {
    /// The error after a change of the first chunk, the four vectors of `beta`.
    private func refusal(_ change: (inout ChunkRecord) -> Void) -> FormatError? {
        SampleContainer.refusal { change(&$0.directory.chunks[0]) }
    }

    @Test func sizesAreBounded() {
        #expect(
            refusal { $0.rawSize = 0 }
                == .overLimit(field: "chunk raw size", limit: 1 << 20, found: 0))
        #expect(
            refusal { $0.rawSize = 1 << 20 + 1 }
                == .overLimit(field: "chunk raw size", limit: 1 << 20, found: 1 << 20 + 1))
        #expect(
            refusal { $0.storedSize = 0 }
                == .overLimit(field: "chunk stored size", limit: 32, found: 0))
        #expect(
            refusal { $0.storedSize = 33 }
                == .overLimit(field: "chunk stored size", limit: 32, found: 33))
        #expect(
            refusal { $0.storedSize = 31 }
                == .wrongValue(field: "stored size of a raw chunk", expected: 32, found: 31))
    }

    @Test func encodingsAreKnown() {
        #expect(
            SampleContainer.refusal(in: .chunks) { $0[8 + 20] = 3 }
                == .unknownCode(field: "chunk encoding", code: 3))
    }

    /// The sample with one chunk of a tensor marked as sparse.
    private func refusal(sparse tensor: Int, listed: Bool = true) -> FormatError? {
        SampleContainer.refusal {
            let index = $0.directory.tensors[tensor].firstChunk
            $0.directory.chunks[index].encoding = .sparse
            if listed { $0.directory.features.append(Feature.sparseChunks.bytes) }
        }
    }

    @Test func onlyCodesAreSparse() {
        typealias Tensor = SampleContainer.Tensor
        #expect(refusal(sparse: Tensor.weight) == nil)
        for tensor in [Tensor.bias, Tensor.head, Tensor.positions, Tensor.tokenizer] {
            let record = SampleContainer().directory.tensors[tensor]
            #expect(
                refusal(sparse: tensor)
                    == .tensor(
                        name: record.name, field: "element type of a sparse chunk", expected: 4,
                        found: UInt64(record.type.rawValue)))
        }
    }

    @Test func sparseChunksAreAFeature() {
        #expect(
            refusal(sparse: SampleContainer.Tensor.weight, listed: false)
                == .missingFeature(name: Feature.sparseChunks))
    }

    @Test func paddingIsZero() {
        for offset in [4, 8 + 21, 8 + 23] {
            let error = SampleContainer.refusal(in: .chunks) { $0[offset] = 1 }
            guard case .nonZeroPadding = error else {
                Issue.record("byte \(offset): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func moreChunksThanBytesAreRefused() {
        var error = SampleContainer.refusal(in: .chunks) { $0.set(UInt32(1 << 24), at: 0) }
        guard case .truncated(field: "chunk table", _, needed: 24 << 24, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        error = SampleContainer.refusal(in: .chunks) { $0.set(UInt32(1 << 24 + 1), at: 0) }
        #expect(error == .overLimit(field: "chunk count", limit: 1 << 24, found: 1 << 24 + 1))
    }

    // MARK: - Placement

    @Test func chunksLeaveNoHolesAndDoNotOverlap() {
        for distance in [-64, -1, 1, 64] {
            #expect(
                SampleContainer.refusal { $0.directory.chunks[1].offset += distance }
                    == .tensor(
                        name: Array("bias".utf8), field: "offset of a chunk", expected: 192,
                        found: UInt64(192 + distance)))
        }
        guard case .tensor = refusal({ $0.offset = 0 }) else {
            Issue.record("a chunk in the header was accepted")
            return
        }
    }

    @Test func aChunkCannotLeaveTheData() {
        // The last tensor grows past the directory, with a record that agrees.
        let error = SampleContainer.refusal { container in
            let last = SampleContainer.Tensor.weightScales
            container.directory.tensors[last].shape = [4096]
            container.directory.tensors[last].chunkRawBytes = 16_384
            container.directory.chunks[container.directory.chunks.count - 1].rawSize = 16_384
            container.directory.chunks[container.directory.chunks.count - 1].storedSize = 16_384
        }
        guard case .overLimit(field: "end of a chunk", _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func paddingBetweenTensorsIsZero() {
        #expect(
            SampleContainer.refusal { $0.data[32] = 1 } == .nonZeroPadding(offset: 160))
    }

    @Test func paddingBeforeTheDirectoryIsZeroAndShort() {
        let container = SampleContainer()
        #expect(container.data.count % 64 == 32)
        #expect(
            SampleContainer.refusal { $0.data += [0, 1] }
                == .nonZeroPadding(offset: 128 + container.data.count + 1))
        let end = UInt64(128 + container.data.count + 32)
        #expect(
            SampleContainer.refusal { $0.data += [UInt8](repeating: 0, count: 33) }
                == .wrongValue(field: "directory offset", expected: end, found: end + 64))
    }

    @Test func everyChunkBelongsToATensor() {
        let count = UInt64(SampleContainer().directory.chunks.count)
        #expect(
            SampleContainer.refusal { $0.directory.chunks.append($0.directory.chunks[0]) }
                == .wrongValue(field: "chunks of all tensors", expected: count + 1, found: count))
    }
}
