import CommandLineSupport
import Foundation
import Testing

extension StandardErrorTests {
    @Suite struct ProgressBarTests {
        private func show() {
            var bar = ProgressBar()
            for share in [0, 0.25, 0.5, 1] { bar.update("progress-bar-test", share) }
            bar.clear()
        }

        @Test func nothingIsWrittenWhereNobodyWatches() throws {
            let written = try StandardErrorTests.capture(show)
            #expect(!written.contains("progress-bar-test") && !written.contains("\u{1b}[K"))
        }

        @Test(.enabled(if: access("/dev/ptmx", R_OK | W_OK) == 0, "needs pseudo-terminals"))
        func aTerminalShowsTheBarAndItsRemoval() throws {
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
            let written = try StandardErrorTests.capture(side, readingFrom: terminal, show)
            #expect(written.contains("\rprogress-bar-test ["))
            #expect(written.contains("[" + String(repeating: "=", count: 30) + "] 100 %"))
            #expect(written.contains("\r\u{1b}[K"))
        }
    }
}
