import CommandLineSupport
import Foundation
import Testing

@Suite struct LineReaderTests {
    /// The lines of some bytes that come through a pipe in pieces.
    private func lines(_ pieces: [[UInt8]]) throws -> [LineReader.Line] {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        // Processes that other tests start must not keep the pipe open.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let (input, output) = (ends[0], ends[1])
        let writer = Thread {
            for piece in pieces {
                _ = piece.withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
                usleep(500)
            }
            close(output)
        }
        writer.start()
        defer { close(input) }
        var reader = LineReader(descriptor: input)
        var lines: [LineReader.Line] = []
        while let line = reader.next() { lines.append(line) }
        #expect(reader.next() == nil)
        #expect(reader.error == 0)
        return lines
    }

    private func lines(_ text: String) throws -> [LineReader.Line] {
        try lines([Array(text.utf8)])
    }

    private func texts(_ texts: String...) -> [LineReader.Line] {
        texts.map { .text(Array($0.utf8)) }
    }

    @Test func linesEndWithALineFeed() throws {
        #expect(try lines("a\nbc\n") == texts("a", "bc"))
        #expect(try lines("\n\na\n\n") == texts("", "", "a", ""))
    }

    @Test func theLastLineNeedsNoEnd() throws {
        #expect(try lines("a\nb") == texts("a", "b"))
        #expect(try lines("b") == texts("b"))
    }

    @Test func anEmptyInputHasNoLine() throws {
        #expect(try lines([]).isEmpty)
        #expect(try lines("\n") == texts(""))
    }

    @Test func carriageReturnsBeforeLineEndsAreDropped() throws {
        #expect(try lines("a\r\nb\r\n") == texts("a", "b"))
        #expect(try lines("\r\n") == texts(""))
        #expect(try lines("a\rb\r\r\n") == texts("a\rb\r"))
        #expect(try lines("a\r") == texts("a"))
    }

    @Test func linesMayComeInPieces() throws {
        let pieces = ["a", "b\r", "\nc", "", "d", "\n", "\n", "e"].map { Array($0.utf8) }
        #expect(try lines(pieces) == texts("ab", "cd", "", "e"))
    }

    @Test func anyBytesMayMakeALine() throws {
        let bytes = (0...255).map { UInt8($0) }.filter { $0 != 0x0a }
        #expect(try lines([bytes + [0x0a]]) == [.text(bytes)])
    }

    @Test func linesLargerThanABufferAreWhole() throws {
        let long = (0..<300_000).map { UInt8(0x61 + $0 % 26) }
        #expect(try lines([long + [0x0a, 0x62, 0x0a]]) == [.text(long), .text([0x62])])
    }

    @Test func aLineThatIsTooLongIsSkippedAndTheNextIsRead() throws {
        let limit = LineReader.maximumLineBytes
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: url) }
        var content = Data(repeating: 0x61, count: limit)
        content.append(contentsOf: Array("\n".utf8))
        content.append(Data(repeating: 0x62, count: limit + 1))
        content.append(contentsOf: Array("\nshort\n".utf8))
        content.append(Data(repeating: 0x63, count: limit + 70_000))
        try content.write(to: url)
        let descriptor = open(url.path, O_RDONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var reader = LineReader(descriptor: descriptor)
        guard case .text(let first)? = reader.next() else {
            Issue.record("a line of the largest size is refused")
            return
        }
        #expect(first.count == limit && first.allSatisfy { $0 == 0x61 })
        #expect(reader.next() == .tooLong)
        #expect(reader.next() == .text(Array("short".utf8)))
        #expect(reader.next() == .tooLong)
        #expect(reader.next() == nil)
    }

    @Test func aReadThatFailsIsTold() throws {
        var closed = LineReader(descriptor: -1)
        #expect(closed.next() == nil)
        #expect(closed.error == EBADF)
        let folder = open("/", O_RDONLY)
        try #require(folder >= 0)
        defer { close(folder) }
        var reader = LineReader(descriptor: folder)
        #expect(reader.next() == nil)
        #expect(reader.error == EISDIR)
    }
}
