import Foundation
import Testing

/// `compress --recipe`.
@Suite struct RecipeOptionTests {
    /// Compresses with a recipe of this text; the folder holds nothing else.
    private func compress(
        _ recipe: String, _ arguments: [String] = [], name: String = "mine.json"
    ) throws -> (run: ProgramRun, output: TemporaryFolder, file: String, recipes: TemporaryFolder) {
        let (recipes, output) = (try TemporaryFolder(), try TemporaryFolder())
        let file = try recipes.write(name, recipe.utf8)
        let run = try Program.compress.run(
            [TinyBert.plain.folder, "-o", "\(output.path)/model.atn", "--recipe", file]
                + arguments)
        return (run, output, file, recipes)
    }

    private func expectRefusal(
        _ recipe: String, naming words: [String], _ arguments: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (run, output, file, _) = try compress(recipe, arguments)
        run.expectRefusal(2, naming: words + [file], sourceLocation: sourceLocation)
        #expect(try output.names.isEmpty, sourceLocation: sourceLocation)
    }

    @Test("A recipe with the passes of a preset writes the tensors of the preset")
    func recipesOfPresetsAreThePresets() throws {
        for preset in ["int8", "float"] {
            let text = try String(
                contentsOfFile: "\(TinyBert.root)/Sources/ModelCompression/Presets/\(preset).json",
                encoding: .utf8)
            let (run, output, _, _) = try compress(text, ["--json"])
            try run.expectDone()
            #expect(try run.json()["recipe"] as? String == preset)
            let known = try CompressedModels.path(of: .plain, preset: preset)
            let answers = try [known, "\(output.path)/model.atn"].map { path in
                let run = try Program.runEdge.run([path, "--ids", "1,2,3,50", "--task", "raw"])
                try run.expectDone()
                return run.output
            }
            #expect(answers[0] == answers[1])
        }
    }

    @Test("A recipe without a name is called like its file, and the container has its text")
    func recipesAreRecorded() throws {
        let text = #"{ "passes": [ {"pass": "quantize", "limit": 31, "smoothing": 0} ] }"#
        let (run, output, _, _) = try compress(text, ["--json"], name: "coarse.v2.json")
        try run.expectDone()
        #expect(try run.json()["recipe"] as? String == "coarse")
        let path = "\(output.path)/model.atn"
        let inspect = try Program.compress.run(["inspect", path, "--json"])
        try inspect.expectDone()
        #expect(
            try inspect.json()["recipe"] as? String
                == #"{"passes":[{"pass":"quantize","limit":31,"smoothing":0}]}"#)
        let size = try output.read("model.atn").count
        #expect(try size < CompressedModels.bytes(of: .plain, preset: "int8").count)
    }

    @Test("A recipe that cannot be read is refused, and nothing is written")
    func unreadableRecipesAreRefused() throws {
        let (output, folder) = (try TemporaryFolder(), try TemporaryFolder())
        for path in ["\(folder.path)/missing.json", folder.path] {
            let run = try Program.compress.run([
                TinyBert.plain.folder, "-o", "\(output.path)/model.atn", "--recipe", path,
            ])
            run.expectRefusal(2, naming: [path])
            #expect(try output.names.isEmpty)
        }
        let large = #"{"passes":[]}"# + String(repeating: " ", count: 1 << 20)
        try expectRefusal(large, naming: ["1048576"])
    }

    @Test(
        "A recipe that breaks a rule is refused with its file and the rule",
        arguments: [
            ("", ["byte 0"]), ("passes: []", ["unexpected", "byte 0"]),
            ("[]", ["an object", "an array"]), ("{}", ["'passes'", "missing"]),
            (#"{"passes":[{"pass":"squeeze"}]}"#, ["passes[0]", "'squeeze'", "known", "quantize"]),
            (#"{"passes":[{}]}"#, ["passes[0]", "'pass'", "missing"]),
            (
                #"{"passes":[{"pass":"quantize","bitz":8}]}"#,
                ["passes[0]", "'bitz'", "known", "limit"]
            ),
            (#"{"passes":[{"pass":"quantize","bits":5}]}"#, ["'bits'", "5", "4 or 8"]),
            (#"{"passes":[{"pass":"quantize","bits":4,"step":0.1}]}"#, ["bits: 4", "step"]),
            (#"{"passes":[{"pass":"quantize","limit":"8"}]}"#, ["'limit'", "an integer"]),
            (#"{"passes":[{"pass":"quantize","limit":300}]}"#, ["'limit'", "300", "1 … 127"]),
            (#"{"passes":[],"passes":[]}"#, ["passes", "twice"]),
            (#"{"passes":[{"pass":"quantize","rate":1e400}]}"#, ["number out of range"]),
        ] as [(String, [String])])
    func brokenRecipesAreRefused(recipe: String, words: [String]) throws {
        try expectRefusal(recipe, naming: words)
    }

    @Test("What needs calibration data is refused without", arguments: ["fast", "tiny"])
    func passesThatNeedDataSaySo(preset: String) throws {
        let output = try TemporaryFolder()
        let run = try Program.compress.run([
            TinyBert.plain.folder, "-o", "\(output.path)/model.atn", "--preset", preset,
        ])
        #expect(run.end == .exited(2) && run.output.isEmpty)
        let last = run.errorText.split(separator: "\n").last ?? ""
        #expect(last.contains("'shrink'") && last.contains("--calibration"), "\(last)")
        #expect(try output.names.isEmpty)
    }

    @Test(
        "Options that need calibration data are wrong usage without",
        arguments: [
            (#"{"pass":"quantize","activations":"static"}"#, ["'activations'", "'dynamic'"]),
            (#"{"pass":"prune","method":"wanda"}"#, ["'method'", "'magnitude'"]),
        ])
    func optionsThatNeedDataSaySo(pass: String, words: [String]) throws {
        let (run, output, _, _) = try compress(#"{"passes":[\#(pass)]}"#)
        #expect(run.end == .exited(2) && run.output.isEmpty)
        let last = run.errorText.split(separator: "\n").last ?? ""
        for word in words + ["--calibration"] { #expect(last.contains(word), "\(last)") }
        #expect(try output.names.isEmpty)
    }

    @Test("--dry-run names the passes and writes nothing")
    func dryRunsWriteNothing() throws {
        let (run, output, _, _) = try compress(
            #"{"passes":[{"pass":"shrink"},{"pass":"quantize"}]}"#, ["--dry-run"])
        try run.expectDone()
        #expect(run.outputText.contains("shrink") && run.outputText.contains("quantize"))
        #expect(try output.names.isEmpty)
    }

    @Test("--preset and --recipe exclude each other")
    func presetsAndRecipesExcludeEachOther() throws {
        let (run, output, _, _) = try compress(#"{"passes":[]}"#, ["--preset", "int8"])
        run.expectRefusal(2, naming: ["--preset", "--recipe"])
        #expect(try output.names.isEmpty)
    }

    @Test("A model that a pass cannot quantize leaves an existing output alone")
    func refusedModelsLeaveTheOutputAlone() throws {
        let copy = try BadCheckpoint.notANumber.make()
        let output = try TemporaryFolder()
        try output.write("model.atn", "old".utf8)
        let recipe = try output.write("recipe.json", #"{"passes":[{"pass":"quantize"}]}"#.utf8)
        let run = try Program.compress.run([
            copy.folder.path, "-o", "\(output.path)/model.atn", "--recipe", recipe,
        ])
        #expect(run.end == .exited(3) && run.output.isEmpty)
        #expect(try output.names == ["model.atn", "recipe.json"])
        #expect(try output.read("model.atn") == Array("old".utf8))
    }
}
