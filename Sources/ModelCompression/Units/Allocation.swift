/// Divides a budget among places that each can be had at several costs, so that the losses together
/// are least: a knapsack with one choice per place, solved exactly over a grid of costs by dynamic
/// programming (as SPDY does: Frantar and Alistarh 2022, arXiv 2201.13096).
struct Allocation {
    struct Option {
        let cost: Double
        let loss: Double
    }

    /// Cells of the grid; costs are rounded up to whole cells, so the budget is never exceeded.
    private static let cellCount = 4000

    /// The option to take at each place, or nil if even the cheapest together exceed the budget.
    ///
    /// - Parameter places: Options of each place, at least one each.
    static func choose(_ places: [[Option]], budget: Double) -> [Int]? {
        guard budget >= 0, !places.isEmpty else { return places.isEmpty ? [] : nil }
        let scale = Double(cellCount) / max(budget, .leastNormalMagnitude)
        var losses = [Double](repeating: .infinity, count: cellCount + 1)
        losses[0] = 0
        var choices: [[Int32]] = []
        for options in places {
            var next = [Double](repeating: .infinity, count: cellCount + 1)
            var chosen = [Int32](repeating: -1, count: cellCount + 1)
            for (index, option) in options.enumerated() {
                let cells = (option.cost * scale - 1e-9).rounded(.up)
                guard cells <= Double(cellCount) else { continue }
                let cost = max(0, Int(cells))
                for cell in 0...cellCount - cost
                where losses[cell] + option.loss < next[cell + cost] {
                    next[cell + cost] = losses[cell] + option.loss
                    chosen[cell + cost] = Int32(index)
                }
            }
            losses = next
            choices.append(chosen)
        }
        guard var cell = losses.indices.min(by: { losses[$0] < losses[$1] }),
            losses[cell].isFinite
        else { return nil }
        var picked: [Int] = []
        for (options, chosen) in zip(places, choices).reversed() {
            let index = Int(chosen[cell])
            picked.append(index)
            let cells = (options[index].cost * scale - 1e-9).rounded(.up)
            cell -= max(0, Int(cells))
        }
        return picked.reversed()
    }
}
