import EdgeFormat
import Testing

/// Files that someone or something changed: all are refused, none does harm.
@Suite struct HostileContainerTests {
    private let container = SampleContainer()
    private let file = SampleContainer().bytes()

    @Test func theSampleIsValid() throws {
        try readWithChunks(file)
        #expect(try read(file).directory == container.directory)
    }

    @Test func aFileCutAnywhereIsRefused() {
        for length in 0..<file.count {
            #expect(refusal(of: Array(file[..<length])) != nil, "cut to \(length) bytes")
        }
    }

    @Test func everyFlippedBitIsDetected() {
        var damaged = file
        for offset in file.indices {
            for bit in 0..<8 {
                damaged[offset] ^= 1 << bit
                #expect(throws: FormatError.self, "bit \(bit) of byte \(offset)") {
                    try readWithChunks(damaged)
                }
                damaged[offset] ^= 1 << bit
            }
        }
    }

    @Test func aByteAppendedIsRefused() {
        #expect(refusal(of: file + [0]) != nil)
        var longer = SampleContainer.file(
            data: container.data, directory: container.directory.encoded() + [0])
        #expect(refusal(of: longer) != nil)
        longer = SampleContainer.file(
            data: container.data + [UInt8](repeating: 0, count: 64),
            directory: container.directory.encoded())
        #expect(refusal(of: longer) != nil)
    }

    /// A reader must survive any directory, and accept only those that a writer would make.
    private func check(_ directory: [UInt8], _ comment: @autoclosure () -> Comment) {
        let file = SampleContainer.file(data: container.data, directory: directory)
        guard let accepted = try? read(file).directory else { return }
        #expect(accepted.encoded() == directory, comment())
    }

    @Test(arguments: [0x00, 0x01, 0x7f, 0x80, 0xff] as [UInt8])
    func anyByteOfTheDirectoryMayHaveAnyValue(value: UInt8) {
        let original = container.directory.encoded()
        var directory = original
        for offset in original.indices {
            directory[offset] = value
            check(directory, "byte \(offset) set to \(value)")
            directory[offset] = original[offset]
        }
    }

    @Test(
        arguments: [
            1 << 31, 0x7fff_ffff, 0xffff_ffff, 1 << 32, 1 << 63, (1 << 63) - 1, .max,
        ] as [UInt64])
    func anyFieldOfTheDirectoryMayBeHuge(value: UInt64) {
        let original = container.directory.encoded()
        for offset in stride(from: 0, through: original.count - 4, by: 1) {
            var directory = original
            directory.set(UInt32(truncatingIfNeeded: value), at: offset)
            check(directory, "4 bytes at \(offset) set to \(value)")
            guard offset % 4 == 0, offset + 8 <= original.count else { continue }
            directory.set(value, at: offset)
            check(directory, "8 bytes at \(offset) set to \(value)")
        }
    }

    @Test func severalRandomChangesAreSurvived() {
        let original = container.directory.encoded()
        var generator = SplitMix64(state: 20_260_214)
        for _ in 0..<4000 {
            var directory = original
            for _ in 0..<Int.random(in: 2...6, using: &generator) {
                let offset = Int.random(in: 0..<directory.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: directory[offset] = UInt8.random(in: 0...255, using: &generator)
                case 1: directory[offset] &+= 1
                case 2: directory[offset] = 0
                default: directory.swapAt(offset, Int.random(in: 0..<offset + 1, using: &generator))
                }
            }
            check(directory, "random change")
        }
    }

    @Test func anyByteOfTheHeaderMayHaveAnyValue() {
        for value in [0x00, 0x01, 0x7f, 0x80, 0xff] as [UInt8] {
            for offset in 0..<124 {
                var changed = file
                changed[offset] = value
                changed.set(crc32c(Array(changed[..<124])), at: 124)
                // Only what readers must ignore, or cannot check without the whole file, may pass.
                let isFree =
                    (10..<12).contains(offset) || (20..<24).contains(offset)
                    || (48..<80).contains(offset)
                let isUnchanged = changed == file
                #expect(
                    refusal(of: changed) != nil || isFree || isUnchanged,
                    "byte \(offset) set to \(value)")
            }
        }
    }
}

/// The generator of Steele, Lea and Flood (2014), so that failures can be repeated.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
