import CommandLineSupport
import Foundation
import Testing

/// The tests change standard error for a moment; what others write meanwhile is passed on.
@Suite(.serialized) struct ProgressBarTests {
    /// What `body` writes to standard error while that is `descriptor`; `source` is its other end.
    private func capture(
        _ descriptor: Int32, readingFrom source: Int32, _ body: () -> Void
    ) throws -> String {
        let original = dup(2)
        try #require(original >= 0)
        try #require(dup2(descriptor, 2) == 2)
        body()
        dup2(original, 2)
        close(original)
        close(descriptor)
        _ = fcntl(source, F_SETFL, O_NONBLOCK)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(source, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        close(source)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func show() {
        var bar = ProgressBar()
        for share in [0, 0.25, 0.5, 1] { bar.update("progress-bar-test", share) }
        bar.clear()
    }

    @Test func nothingIsWrittenWhereNobodyWatches() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let written = try capture(ends[1], readingFrom: ends[0], show)
        if !written.isEmpty { FileHandle.standardError.write(Data(written.utf8)) }
        #expect(!written.contains("progress-bar-test") && !written.contains("\u{1b}[K"))
    }

    @Test func aTerminalShowsTheBarAndItsRemoval() throws {
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        try #require(terminal >= 0)
        // TIOCSPTLCK and TIOCGPTN of ioctl_tty(2).
        var (lock, number): (Int32, Int32) = (0, 0)
        try #require(ioctl(terminal, 0x4004_5431, &lock) == 0)
        try #require(ioctl(terminal, 0x8004_5430, &number) == 0)
        let side = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(side >= 0)
        // The end that reads loses unread bytes when the last end that writes is closed.
        let kept = dup(side)
        defer { close(kept) }
        let written = try capture(side, readingFrom: terminal, show)
        #expect(written.contains("\rprogress-bar-test ["))
        #expect(written.contains("[" + String(repeating: "=", count: 30) + "] 100 %"))
        #expect(written.contains("\r\u{1b}[K"))
    }
}
