/// Divides a budget among places that each can be had at several costs, so that the losses together
/// are least: a knapsack with one choice per place, solved exactly over a grid of costs by dynamic
/// programming (as SPDY does: Frantar and Alistarh 2022, arXiv 2201.13096).
struct Allocation {
    struct Option {
        let cost: Double
        let loss: Double
    }

    /// Cells of the grid.
    ///
    /// Each has the best of what costs about the same and what exactly it costs, so the budget is
    /// never exceeded and may be used to the last unit.
    private static let cellCount = 4000

    /// One option at each of the places so far.
    fileprivate struct Path {
        let cost: Double
        let loss: Double
        /// Cell of the path without the last place.
        let previous: Int
        /// The option at the last place.
        let option: Int
    }

    /// The option to take at each place, or nil if even the cheapest together exceed the budget.
    ///
    /// - Parameter places: Options of each place, at least one each.
    static func choose(_ places: [[Option]], budget: Double) -> [Int]? {
        guard budget >= 0, !places.isEmpty else { return places.isEmpty ? [] : nil }
        let cellsPerCost =
            budget.isNormal ? min(Double(cellCount) / budget, .greatestFiniteMagnitude) : 0
        // A sum of costs may be off in its last bits.
        let limit = budget * (1 + 1e-12)
        var cells = [Path?](repeating: nil, count: cellCount + 1)
        cells[0] = Path(cost: 0, loss: 0, previous: 0, option: 0)
        var steps: [[Path?]] = []
        for options in places {
            var next = [Path?](repeating: nil, count: cellCount + 1)
            for (index, option) in options.enumerated() where option.loss.isFinite {
                for (cell, path) in cells.enumerated() {
                    guard let path, path.cost + option.cost <= limit else { continue }
                    let longer = Path(
                        cost: path.cost + option.cost, loss: path.loss + option.loss,
                        previous: cell, option: index)
                    let place = min(cellCount, Int(longer.cost * cellsPerCost + 1e-6))
                    if next[place].map({ longer.isBetter(than: $0) }) ?? true {
                        next[place] = longer
                    }
                }
            }
            cells = next
            steps.append(next)
        }
        let best = cells.compactMap { $0 }.min { $0.isBetter(than: $1) }
        guard var path = best else { return nil }
        var picked = [path.option]
        for step in steps.dropLast().reversed() {
            guard let shorter = step[path.previous] else { return nil }
            path = shorter
            picked.append(path.option)
        }
        return picked.reversed()
    }
}

extension Allocation.Path {
    fileprivate func isBetter(than other: Self) -> Bool {
        (loss, cost) < (other.loss, other.cost)
    }
}
