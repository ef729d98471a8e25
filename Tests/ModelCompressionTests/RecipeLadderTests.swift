import Testing

@testable import ModelCompression

@Suite struct RecipeLadderTests {
    private func recipe(_ passes: String) throws -> Recipe {
        try Recipe(parsing: Array(#"{"name":"mine","passes":[\#(passes)]}"#.utf8), name: "file")
    }

    private func quantize(_ recipe: Recipe) throws -> QuantizeWeights {
        try #require(recipe.passes.last as? QuantizeWeights)
    }

    @Test("The presets lie on their ladder")
    func presetsAreRungs() throws {
        let ladder = try RecipeLadder(from: .int8)
        #expect(ladder.space == StrengthSpace(steps: 3 / 127...1, keeps: 0.05...1))
        let mildest = RecipeStrength(step: 3 / 127, keep: 1)
        #expect(try ladder.recipe(mildest).json == Recipe.int8.json)
        #expect(ladder.isFinest(mildest))
        for (preset, strength) in [
            (Recipe.small, RecipeStrength(step: 0.137, keep: 1)),
            (.tiny, RecipeStrength(step: 0.25, keep: 0.5)),
            (.fast, RecipeStrength(step: 3 / 127, keep: 0.5)),
        ] {
            let found = try ladder.recipe(strength)
            let (one, two) = (try quantize(found), try quantize(preset))
            #expect(one.step == two.step && one.allocation == two.allocation)
            #expect(one.realignment == two.realignment && one.limit == two.limit)
            #expect(one.tableLimit == two.tableLimit)
            #expect(one.use.totalTokens == two.use.totalTokens)
            #expect(one.use.uniformRows == two.use.uniformRows)
            if let table = two.tableStep {
                #expect(abs(try #require(one.tableStep) - table) < 0.005)
            }
            let shrinks = [found, preset].map { $0.passes.compactMap { $0 as? ShrinkLayers } }
            #expect(shrinks[0].map(\.keep) == shrinks[1].map(\.keep))
        }
    }

    @Test("A preset is the mild end of its ladder")
    func presetsAreStarts() throws {
        for (preset, step, keep) in [
            (Recipe.small, 0.137, 1), (.fast, 3 / 127, 0.5), (.tiny, 0.25, 0.5),
        ] {
            let ladder = try RecipeLadder(from: preset)
            #expect(ladder.space.steps == step...1 && ladder.space.keeps == 0.05...keep)
            let start = RecipeStrength(step: step, keep: keep)
            #expect(try ladder.recipe(start).json == preset.json)
        }
    }

    @Test("Of a recipe of one's own only the strengths change")
    func ownOptionsStay() throws {
        let own = try recipe(
            #"{"pass":"prune","sparsity":0.3},{"pass":"quantize","limit":31,"sweeps":5}"#)
        let ladder = try RecipeLadder(from: own)
        #expect(ladder.space.steps == 3 / 31...1)
        let found = try ladder.recipe(RecipeStrength(step: 0.5, keep: 0.25))
        #expect(
            found.json == #"{"name":"mine, for a budget","passes":[{"pass":"shrink","keep":0.25},"#
                + #"{"pass":"prune","sparsity":0.3},{"pass":"quantize","limit":31,"sweeps":5,"#
                + #""step":0.5,"table_step":1.133}]}"#)
        #expect(found.name == "mine, for a budget")
        let slow = try ladder.recipe(RecipeStrength(step: 0.5, keep: 1))
        #expect(slow.passes.count == 2)
    }

    @Test("Steps of one's own keep their ratio")
    func ownStepsScale() throws {
        let own = try recipe(
            #"{"pass":"shrink","keep":0.8,"tokens":16},"#
                + #"{"pass":"quantize","step":0.1,"table_step":0.15}"#)
        let ladder = try RecipeLadder(from: own)
        #expect(ladder.space == StrengthSpace(steps: 0.1...1, keeps: 0.05...0.8))
        let found = try ladder.recipe(RecipeStrength(step: 0.4, keep: 0.8))
        #expect(try quantize(found).step == 0.4 && quantize(found).tableStep == 0.6)
        let shrink = try #require(found.passes.first as? ShrinkLayers)
        #expect(shrink.keep == 0.8 && shrink.tokens == 16)
        // No option leaves its range.
        #expect(try quantize(ladder.recipe(RecipeStrength(step: 1, keep: 0.05))).tableStep == 1.5)
        let coarse = try RecipeLadder(from: recipe(#"{"pass":"quantize","step":2}"#))
        #expect(coarse.space.steps == 2...2)
    }

    @Test func aRecipeWithoutAGridHasNoLadder() throws {
        #expect(throws: RecipeLadderError.noGrid(recipe: "float")) {
            _ = try RecipeLadder(from: .float)
        }
        let pruned = try recipe(#"{"pass":"prune"}"#)
        #expect(throws: RecipeLadderError.noGrid(recipe: "mine")) {
            _ = try RecipeLadder(from: pruned)
        }
        #expect("\(RecipeLadderError.noGrid(recipe: "mine"))".contains("'mine'"))
    }

    @Test func theBeginningOfARecipeEndsBeforeAPass() throws {
        let own = try recipe(
            #"{"pass":"prune","sparsity":0.3},{"pass":"quantize"},{"pass":"prune"}"#)
        let beginning = try own.beginning(before: "quantize")
        #expect(beginning.json == #"{"name":"mine","passes":[{"pass":"prune","sparsity":0.3}]}"#)
        #expect(try Recipe.int8.beginning(before: "quantize").passes.isEmpty)
        #expect(try own.beginning(before: "shrink").passes.count == 3)
    }
}
