import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite("Codes of 4 bits") struct CodeGridGroupsTests {
    private func grid(_ groups: RoundingReference.Groups) -> CodeGrid {
        .groups(
            groups.weights, columnCount: groups.inputs, importances: groups.importances)
    }

    @Test func scalesAndMultipliersHaveTheLeastError() throws {
        let found = try RoundingReference.read().groups
        let widest = found.map { $0.multipliers.reduce(0) { max($0, abs(Int($1))) } }
        #expect(widest.contains { $0 <= 15 } && widest.contains { $0 > 15 })
        for groups in found {
            let whole = CodeGrid.groups(
                groups.weights, columnCount: groups.inputs, importances: nil)
            #expect(whole.scales == groups.wholeScales)
            #expect(whole.multipliers == groups.wholeMultipliers)
            let narrowed = grid(groups)
            #expect(narrowed.scales == groups.scales)
            #expect(narrowed.multipliers == groups.multipliers)
        }
    }

    @Test func codesAreThoseOfTheReference() throws {
        for groups in try RoundingReference.read().groups {
            var grid = grid(groups)
            let nearest = grid.nearestCodes(groups.weights, columnCount: groups.inputs)
            #expect(nearest == groups.nearest)
            let rounding = try #require(GPTQRounding(moments: groups.second))
            let count = (groups.outputs - 1) * groups.inputs
            let codes = rounding.codes(groups.weights, grid: grid)
            #expect(Array(codes[..<count]) == groups.gptq)
            var refined = nearest
            CoordinateDescent(moments: groups.dampedMatrix).refine(
                &refined, grid: &grid, weights: groups.weights, sweeps: 3, fitsScales: true)
            #expect(Array(refined[..<count]) == groups.fittedDescent)
            for (scale, expected) in zip(grid.scales, groups.fittedScales) {
                #expect(abs(Double(scale) - expected) <= 1e-5 * expected)
            }
            #expect(grid.multipliers == groups.multipliers)
        }
    }

    @Test func numbersAreScaleTimesMultiplierTimesCode() {
        let rows = QuantizedRows(
            rowCount: 2, columnCount: 34,
            codes: (0..<68).map { Int8($0 % 16 - 8) }, scales: [0.5, 0.25],
            multipliers: [3, -127, 0, 1])
        let numbers = rows.dequantized.values
        #expect(numbers[0] == 0.5 * 3 * -8 && numbers[33] == 0.5 * -127 * -7)
        #expect(numbers[34..<66].allSatisfy { $0 == 0 } && numbers[67] == 0.25 * -5)
        #expect(rows.byteCount == 34 + 8 + 4)
    }

    @Test(arguments: [1, 8288, 8289, 65_536])
    func productsStayInInt32(columnCount: Int) {
        let largest = CodeGrid.largestMultiplier(columnCount: columnCount)
        #expect(255 * 8 * largest * columnCount <= Int(Int32.max))
        #expect(largest == 127 || 255 * 8 * (largest + 1) * columnCount > Int(Int32.max))
    }

    /// Rows of two groups that have exact codes, the second of the first row with a step of its own.
    private func multipliers(rowCount: Int, step: Float) -> [Int] {
        let group = (0..<32).map { Float($0 % 16 - 8) }
        let weights = (0..<rowCount).flatMap { row in
            group + group.map { $0 * (row == 0 ? step : 1) }
        }
        let grid = CodeGrid.groups(weights, columnCount: 64, importances: nil)
        return (grid.multipliers ?? []).map(Int.init)
    }

    @Test func sixteenRowsAreNarrowTogetherOrWide() {
        #expect(multipliers(rowCount: 20, step: 1).allSatisfy { $0 == 15 })
        // 1.4 of the fifteenth part of the others: neither one nor two of them are near.
        let found = multipliers(rowCount: 20, step: 1.4 / 15)
        #expect(found[..<2] == [127, 12] && found[2..<32].allSatisfy { $0 == 127 })
        #expect(found[32...].allSatisfy { $0 == 15 })
    }

    @Test func groupsOfOneSignUseAllOfTheirCodes() {
        let weights = (0..<32).map { Float($0) / 31 }
        let grid = CodeGrid.groups(weights, columnCount: 32, importances: nil)
        #expect((grid.multipliers?[0] ?? 0) < -10)
        let codes = grid.nearestCodes(weights, columnCount: 32)
        #expect(codes.first == 0 && codes.last == -8)
        // What is nothing stays so, and takes no scale.
        let zeros = CodeGrid.groups(
            [Float](repeating: 0, count: 33), columnCount: 33, importances: nil)
        #expect(zeros.scales == [0] && zeros.multipliers == [0, 0])
        #expect(
            CodeGrid.groups([], columnCount: 0, rowCount: 2, importances: nil).scales == [0, 0])
    }
}
