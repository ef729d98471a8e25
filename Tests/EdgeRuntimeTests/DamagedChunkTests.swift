import EdgeFormat
import EdgeRuntime
import Testing

/// Chunks of weights are checked when a session loads them.
@Suite struct DamagedChunkTests {
    private struct Sample {
        var container = TestContainer()
        /// Tensors that loading reads.
        var loaded: [Int] = []
        let unused: Int

        init() {
            var random = RandomNumbers(seed: 70)
            let input = container.input(random.floats(6 * 16), columns: 16)
            let multipliers = container.add(random.floats(16), [16])
            let codes = container.quantize(input, multipliers: multipliers)
            // Repetitive, so that the chunks are frames.
            let weight = container.add(
                codes: (0..<96 * 16).map { Int8($0 % 5) },
                scales: random.floats(96).map { abs($0) },
                [96, 16],
                rowsPerChunk: 64)
            let bias = container.add(random.floats(96), [96])
            let wide = container.linear(codes, weight: weight, bias: bias)
            let half = container.add(random.floats(8 * 96), [8, 96], as: .f16, rowsPerChunk: 3)
            let narrow = container.linear(wide, weight: half)
            let plain = container.add(random.floats(8 * 8), [8, 8], rowsPerChunk: 3)
            let packed = container.add(
                (0..<64).map { Float($0 % 2) }, [8, 8], rowsPerChunk: 8, storing: .zstd)
            let gamma = container.add(random.floats(8), [8])
            let first = container.linear(narrow, weight: plain)
            let second = container.linear(first, weight: packed)
            let output = container.sameShape(second) {
                .layerNorm(
                    input: second, residual: nil, output: $0, gamma: gamma, beta: nil, epsilon: 1)
            }
            container.setOutput(.hiddenState, output)
            unused = container.add(random.floats(8), [8])
            loaded = [multipliers, weight, weight + 1, bias, half, plain, packed, gamma]
        }
    }

    @Test(arguments: [1, 3])
    func loadingNamesADamagedChunk(threads: Int) throws {
        let sample = Sample()
        let original = sample.container.bytes()
        for tensor in sample.loaded {
            let record = sample.container.tensors[tensor]
            for index in record.firstChunk..<record.firstChunk + record.chunkCount {
                let chunk = sample.container.chunks[index]
                for offset in [chunk.offset, chunk.offset + chunk.storedSize - 1] {
                    var bytes = original
                    bytes[offset] ^= 0x80
                    let container = try TestContainer.open(bytes)
                    #expect(!container.contentDigestMatches())
                    #expect("tensor \(tensor), chunk \(index)") {
                        try Session(container, options: SessionOptions(threadCount: threads))
                    } throws: { error in
                        guard
                            case RuntimeError.format(.chunkDamaged(index, chunk.checksum, _)) =
                                error
                        else { return false }
                        return true
                    }
                }
            }
        }
    }

    @Test func tensorsThatNobodyReadsAreNotLoaded() throws {
        let sample = Sample()
        var bytes = sample.container.bytes()
        let chunk = sample.container.chunks[sample.container.tensors[sample.unused].firstChunk]
        bytes[chunk.offset] ^= 0x80
        let container = try TestContainer.open(bytes)
        #expect(throws: Never.self) { try Session(container, options: SessionOptions()) }
        #expect(!container.contentDigestMatches())
    }

    /// A frame whose checksum is right and which does not decode to the recorded size.
    @Test func framesThatDoNotDecodeAreNamed() throws {
        var container = TestContainer()
        let input = container.input([1, 2, 3, 4], columns: 2)
        let weight = container.add(
            codes: [Int8](repeating: 5, count: 600), scales: [Float](repeating: 1, count: 300),
            [300, 2])
        container.setOutput(
            .hiddenState, container.linear(container.quantize(input), weight: weight))
        let index = container.tensors[weight].firstChunk
        #expect(container.chunks[index].encoding == .zstd)
        for position in [0, 4, container.chunks[index].storedSize - 1] {
            var broken = container
            broken.damageFrame(index, at: position)
            let opened = try broken.open()
            #expect(opened.contentDigestMatches())
            #expect(throws: RuntimeError.format(.chunkNotDecodable(index: index))) {
                try Session(opened, options: SessionOptions())
            }
        }
    }
}
