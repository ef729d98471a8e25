/// Distributes removed weights over products so that the sum of their errors is least.
///
/// Each product has a curve of errors over the sparsities of one grid. Its lower convex hull is
/// walked from the densest end of the grid: whichever product's next piece costs least error
/// per removed weight goes first, until as many weights are removed as are asked for; the last
/// piece is taken in part. For convex curves this is the optimum (Everett 1963).
struct SparsityAllocation {
    struct Curve {
        let weightCount: Int
        /// One per sparsity of the grid.
        let errors: [Double]
    }

    /// Ascending.
    let grid: [Double]

    /// Sparsities around a mean one that products may get.
    init(around sparsity: Double, reach: Double, step: Double = 0.05) {
        let count = Int((reach / step).rounded())
        grid = (-count...count).map { sparsity + Double($0) * step }
            .filter { $0 >= 0 && $0 <= max(sparsity, 0.95) }
    }

    /// - Returns: The sparsity of each product; their mean, weighted by the products' sizes, is
    ///   `sparsity`.
    func sparsities(_ curves: [Curve], sparsity: Double) -> [Double] {
        guard let least = grid.first else { return curves.map { _ in sparsity } }
        var sparsities = [Double](repeating: least, count: curves.count)
        var pieces: [(slope: Double, curve: Int, width: Double)] = []
        for (index, curve) in curves.enumerated() {
            let hull = hull(of: curve)
            for (from, to) in zip(hull, hull.dropFirst()) {
                let width = grid[to] - grid[from]
                let slope =
                    (curve.errors[to] - curve.errors[from])
                    / (width * Double(max(1, curve.weightCount)))
                pieces.append((slope, index, width))
            }
        }
        let total = curves.reduce(0.0) { $0 + Double($1.weightCount) }
        var missing = (sparsity - least) * total
        for piece in pieces.sorted(by: { ($0.slope, $0.curve) < ($1.slope, $1.curve) }) {
            let count = Double(curves[piece.curve].weightCount)
            guard missing > 0, count > 0 else { continue }
            let taken = min(piece.width * count, missing)
            sparsities[piece.curve] += taken / count
            missing -= taken
        }
        return sparsities
    }

    /// Indices of the grid on the lower convex hull of a curve.
    private func hull(of curve: Curve) -> [Int] {
        var hull: [Int] = []
        for next in grid.indices {
            while hull.count >= 2 {
                let (a, b) = (hull[hull.count - 2], hull[hull.count - 1])
                let first = (curve.errors[b] - curve.errors[a]) / (grid[b] - grid[a])
                let second = (curve.errors[next] - curve.errors[b]) / (grid[next] - grid[b])
                guard second <= first else { break }
                hull.removeLast()
            }
            hull.append(next)
        }
        return hull
    }
}
