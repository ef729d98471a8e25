import EdgeFormat
import Testing

@Suite struct ContainerHeaderTests {
    private let file = SampleContainer().bytes()

    /// The error for the file after a change of its header, with the checksum made right.
    private func refusal(_ change: (inout [UInt8]) -> Void) -> FormatError? {
        var file = file
        change(&file)
        file.set(crc32c(Array(file[..<124])), at: 124)
        return EdgeFormatTests.refusal(of: file)
    }

    @Test func aHeaderSurvivesTheRoundTrip() throws {
        let header = try read(file).header
        #expect(header.encoded() == Array(file[..<128]))
        #expect(header.fileSize == file.count)
        #expect(header.contentDigest == sha256(Array(file[128...])))
    }

    @Test func anotherFileIsNotAContainer() {
        #expect(EdgeFormatTests.refusal(of: Array("GGUF".utf8) + file[4...]) == .notAContainer)
        #expect(
            EdgeFormatTests.refusal(of: [])
                == .truncated(field: "magic number", offset: 0, needed: 8, available: 0))
        #expect(
            EdgeFormatTests.refusal(of: Array(file[..<100]))
                == .truncated(field: "header", offset: 0, needed: 128, available: 100))
    }

    @Test func aCopyInTextModeIsRecognized() {
        let withoutReturns = Array(file[..<4]) + Array(file[5...])
        #expect(EdgeFormatTests.refusal(of: withoutReturns) == .damagedByTextMode)
        var doubled: [UInt8] = []
        for byte in file { doubled += byte == 0x0a ? [0x0d, 0x0a] : [byte] }
        #expect(EdgeFormatTests.refusal(of: doubled) == .damagedByTextMode)
        #expect(EdgeFormatTests.refusal(of: file.map { $0 & 0x7f }) == .damagedByTextMode)
    }

    @Test func aNewerReadVersionIsRefusedWhateverFollows() {
        var newer = file
        newer[8] = 3
        #expect(EdgeFormatTests.refusal(of: newer) == .tooNew(readVersion: 3, supported: 2))
    }

    @Test(arguments: [0, 1] as [UInt8])
    func anOlderReadVersionIsRefused(version: UInt8) {
        let error = refusal {
            $0[8] = version
            $0[10] = version
        }
        #expect(
            error == .wrongValue(field: "read version", expected: 2, found: UInt64(version)))
        #expect(error?.message == "read version is \(version), expected 2")
    }

    @Test func aNewerWriteVersionIsReadable() throws {
        #expect(refusal { $0[10] = 9 } == nil)
        #expect(
            refusal { $0[10] = 1 } == .wrongValue(field: "write version", expected: 2, found: 1))
    }

    @Test func reservedBitsAreRefusedAndUnusedBitsIgnored() {
        #expect(
            refusal { $0[16] = 4 } == .wrongValue(field: "reserved flags", expected: 0, found: 4))
        #expect(refusal { $0[20] = 0xff } == nil)
        #expect(refusal { $0[84] = 1 } == .nonZeroPadding(offset: 84))
        #expect(refusal { $0[123] = 1 } == .nonZeroPadding(offset: 123))
    }

    @Test func aDamagedHeaderIsRefused() {
        var damaged = file
        damaged[24] ^= 1
        guard case .wrongChecksum(field: "header", _, _) = EdgeFormatTests.refusal(of: damaged)
        else {
            Issue.record("accepted")
            return
        }
    }

    @Test func sizesMustFit() {
        let size = UInt64(file.count)
        #expect(
            refusal { $0[12] = 64 } == .wrongValue(field: "header size", expected: 128, found: 64))
        #expect(
            refusal { $0.set(size + 1, at: 24) }
                == .wrongValue(field: "file size", expected: size + 1, found: size))
        #expect(
            EdgeFormatTests.refusal(of: file + [0])
                == .wrongValue(field: "file size", expected: size, found: size + 1))
        #expect(
            refusal { $0.set(UInt64(1) << 63, at: 24) }
                == .overLimit(field: "file size", limit: UInt64(Int.max), found: 1 << 63))
        #expect(
            refusal { $0.set(UInt64(64 << 20 + 1), at: 40) }
                == .overLimit(field: "directory size", limit: 64 << 20, found: 64 << 20 + 1))
    }

    @Test(arguments: [0, 64, 129, 1 << 40, UInt64(Int.max)])
    func theDirectoryMustEndWithTheFile(offset: UInt64) {
        guard case .wrongValue("directory offset", _, offset) = refusal({ $0.set(offset, at: 32) })
        else {
            Issue.record("accepted")
            return
        }
    }

    @Test func aDamagedDirectoryIsRefused() {
        var damaged = file
        damaged[file.count - 9] ^= 0x80
        guard case .wrongChecksum(field: "directory", _, _) = EdgeFormatTests.refusal(of: damaged)
        else {
            Issue.record("accepted")
            return
        }
    }
}
