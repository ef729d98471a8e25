import EdgeFormat
import EdgeRuntime
import Testing

/// What a runtime says about chunks whose bytes are wrong: they are found when they are used.
@Suite struct StoredChunkTests {
    private typealias Tensor = SampleContainer.Tensor

    /// The error that a session over the file ends with; nil if it loads.
    private func refusal(_ file: [UInt8]) throws -> FormatError? {
        try file.withUnsafeBytes { bytes in
            do {
                _ = try Session(Container(borrowing: bytes), options: SessionOptions())
                return nil
            } catch RuntimeError.format(let error) {
                return error
            }
        }
    }

    /// The sample with other stored bytes, of any length that fits, for its compressed weight.
    private func container(frame: [UInt8]) throws -> [UInt8] {
        var container = SampleContainer()
        let index = container.directory.tensors[Tensor.weight].firstChunk
        let old = container.directory.chunks[index]
        try #require(old.encoding == .zstd)
        try #require(frame.count <= 64 && old.storedSize <= 64)
        container.directory.chunks[index].storedSize = frame.count
        container.directory.chunks[index].checksum = crc32c(frame)
        let start = old.offset - ContainerHeader.byteCount
        for place in 0..<64 { container.data[start + place] = 0 }
        container.data.replaceSubrange(start..<start + frame.count, with: frame)
        return container.bytes()
    }

    private let frame = SampleContainer.zstdFrame([UInt8](repeating: 7, count: 64))

    @Test func theSampleLoads() throws {
        #expect(try refusal(SampleContainer().bytes()) == nil)
        #expect(try refusal(container(frame: frame)) == nil)
    }

    @Test func aDamagedChunkIsNamed() throws {
        for tensor in [Tensor.bias, Tensor.weight, Tensor.weightScales] {
            var container = SampleContainer()
            let index = container.directory.tensors[tensor].firstChunk
            let chunk = container.directory.chunks[index]
            container.data[chunk.offset - ContainerHeader.byteCount] ^= 1
            let stored = container.data[(chunk.offset - ContainerHeader.byteCount)...]
                .prefix(chunk.storedSize)
            #expect(
                try refusal(container.bytes())
                    == .chunkDamaged(
                        index: index, expected: chunk.checksum, found: crc32c(Array(stored))))
        }
    }

    @Test func onlyOneFrameOfTheRecordedSizeIsDecoded() throws {
        let index = SampleContainer().directory.tensors[Tensor.weight].firstChunk
        let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]
        let empty = SampleContainer.zstdFrame([])
        let frames = [
            [UInt8](repeating: 1, count: 20), Array(frame.dropLast()), frame + [0],
            skippable + frame, frame + skippable, frame + empty,
            SampleContainer.zstdFrame([UInt8](repeating: 7, count: 63)),
            SampleContainer.zstdFrame([UInt8](repeating: 7, count: 65)),
        ]
        for frame in frames {
            #expect(
                try refusal(container(frame: frame)) == .chunkNotDecodable(index: index),
                "\(frame)")
        }
    }
}
