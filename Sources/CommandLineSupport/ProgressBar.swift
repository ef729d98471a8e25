import CEdgePlatform

/// A progress bar on standard error; silent unless that is a terminal.
package struct ProgressBar {
    private let isVisible = Console.errorIsTerminal
    private var lastUpdate: Int64 = 0

    package init() {}

    /// Shows the share (0…1) of a task that is done, at most ten times a second.
    package mutating func update(_ task: String, _ share: Double) {
        guard isVisible else { return }
        let now = edgep_nanoseconds()
        guard now - lastUpdate > 100_000_000 || share >= 1 else { return }
        lastUpdate = now
        let width = 30
        let done = max(0, min(width, Int(share * Double(width))))
        var line = "\r\(task) ["
        for index in 0..<width { line += index < done ? "=" : " " }
        line += "] \(Int(share * 100)) %"
        write(line)
    }

    /// Removes the bar.
    package mutating func clear() {
        guard isVisible, lastUpdate != 0 else { return }
        write("\r\u{1b}[K")
        lastUpdate = 0
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { edgep_write(2, $0.baseAddress, $0.count) }
    }
}
