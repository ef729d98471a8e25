import COpenBLAS

/// How a matrix product is divided among threads: by rows of the result, at places that follow from
/// the shape alone, each panel computed by OpenBLAS on one thread.
enum Panels {
    /// Multiply-accumulates below which a panel is not worth a thread.
    private static let leastWork = 1 << 21
    /// Rows below which packing the other factor for every panel shows.
    private static let leastRows = 96
    private static let mostRows = 1024
    private static let usualCount = 8

    /// OpenBLAS is told once that the threads are ours.
    private static let oneThread: Void = openblas_set_num_threads(1)

    /// Calls `body` with the panels of `0..<rows`, on several threads.
    static func forEach(rows: Int, work: Int, _ body: @Sendable (Range<Int>) -> Void) {
        _ = oneThread
        guard rows > 0 else { return }
        let count = max(1, min(work / leastWork, max(usualCount, rows / mostRows)))
        let even = (rows + count - 1) / count
        let size = max(leastRows, (even + 15) / 16 * 16)
        let panels = (rows + size - 1) / size
        Parallel.forEachRange(of: panels, grain: 1) { range in
            for panel in range { body(panel * size..<min(rows, (panel + 1) * size)) }
        }
    }

    /// Calls `body` with each of `0..<count`, on several threads.
    static func forEach(of count: Int, _ body: @Sendable (Int) -> Void) {
        _ = oneThread
        Parallel.forEachRange(of: count, grain: 1) { range in
            for index in range { body(index) }
        }
    }

    /// For calls that are not divided.
    static func prepare() {
        _ = oneThread
    }
}
