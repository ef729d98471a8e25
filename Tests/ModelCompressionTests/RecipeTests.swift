import Checkpoints
import ModelGraph
import Testing

@testable import ModelCompression

@Suite struct RecipeTests {
    private func recipe(_ text: String) throws(RecipeError) -> Recipe {
        try Recipe(parsing: Array(text.utf8), name: "file")
    }

    private func expect(
        _ error: RecipeError, _ text: String, says words: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) { try recipe(text) }
        for word in words {
            #expect("\(error)".contains(word), "\(error)", sourceLocation: sourceLocation)
        }
        #expect(!"\(error)".contains("\n"), sourceLocation: sourceLocation)
    }

    /// One pass with an option.
    private func quantize(_ members: String) -> String {
        #"{"passes":[{"pass":"quantize",\#(members)}]}"#
    }

    // MARK: - What is read

    @Test func membersAreRead() throws {
        let recipe = try recipe(
            #" { "passes" : [] , "name" : "mine\n\u00e9", "description" : "\"a\"" } "#)
        #expect(recipe.name == "mine\né" && recipe.passes.isEmpty)
        #expect(recipe.json == #"{"passes":[],"name":"mine\u000aé","description":"\"a\""}"#)
        #expect(try self.recipe(#"{"passes":[]}"#).name == "file")
    }

    @Test func theTextOfARecipeReadsBackToItself() throws {
        let text = quantize(#""smoothing":"search","step":0.25,"rate":1e-3,"limit":7,"clip":false"#)
        let once = try recipe(text)
        #expect(try recipe(once.json).json == once.json)
        #expect(!once.json.contains(" "))
    }

    @Test func optionsReachThePass() throws {
        let text = quantize(
            """
            "limit": 31, "table_limit": 63, "step": 0.5, "table_step": 0.25,
            "rounding": "nearest", "smoothing": 0.5, "clip": false, "sweeps": 3,
            "bias_correction": false, "outlier_factor": 8, "sequence_tokens": 64,
            "total_tokens": 1000, "realignment": 0.1, "rate": 0.75
            """)
        let pass = try #require(try recipe(text).passes.first as? QuantizeWeights)
        #expect(pass.limit == 31 && pass.tableLimit == 63)
        #expect(pass.step == 0.5 && pass.tableStep == 0.25)
        #expect(pass.rounding == .nearest && pass.smoothing == .exponent(0.5))
        #expect(!pass.clips && pass.sweeps == 3 && !pass.correctsBias)
        #expect(
            pass.outlierFactor == 8 && pass.use.sequenceTokens == 64 && pass.use.totalTokens == 1000
        )
        #expect(pass.realignment == 0.1 && pass.rate == 0.75)
    }

    @Test func optionsThatAreNotGivenHaveTheirDefaults() throws {
        let standard = QuantizeWeights()
        let pass = try #require(
            try recipe(#"{"passes":[{"pass":"quantize"}]}"#).passes.first as? QuantizeWeights)
        #expect(pass.limit == standard.limit && pass.tableLimit == standard.tableLimit)
        #expect(pass.step == nil && pass.tableStep == nil)
        #expect(pass.rounding == .gptq && pass.smoothing == .search)
        #expect(pass.clips && pass.sweeps == standard.sweeps && pass.correctsBias)
        #expect(pass.outlierFactor == standard.outlierFactor)
        #expect(pass.realignment == standard.realignment && pass.rate == standard.rate)
    }

    @Test func smoothingIsANumberOrAWord() throws {
        func smoothing(_ text: String) throws -> QuantizeWeights.SmoothingChoice? {
            (try recipe(quantize(#""smoothing":\#(text)"#)).passes.first as? QuantizeWeights)?
                .smoothing
        }
        #expect(try smoothing(#""search""#) == .search)
        #expect(try smoothing("0") == .exponent(0))
        #expect(try smoothing("1") == .exponent(1))
        #expect(try smoothing("3e-1") == .exponent(0.3))
    }

    @Test(
        "The ends of a range belong to it",
        arguments: [
            #""limit":1"#, #""limit":127"#, #""step":0.01"#, #""step":2"#, #""sweeps":0"#,
            #""sweeps":16"#, #""outlier_factor":1"#, #""rate":100"#, #""realignment":0"#,
        ])
    func endsOfRangesAreAllowed(member: String) throws {
        #expect(try recipe(quantize(member)).passes.count == 1)
    }

    // MARK: - One test for each rule

    @Test func textThatIsNotJSONIsRefused() {
        expect(.json(.unexpectedEnd(offset: 0)), "", says: "byte 0")
        expect(.json(.unexpectedEnd(offset: 9)), #"{"passes""#)
        expect(.json(.trailingBytes(offset: 14)), #"{"passes":[]} {}"#)
        expect(.json(.unexpectedByte(0x27, offset: 1)), "{'passes':[]}")
        expect(.json(.unexpectedByte(0x5d, offset: 26)), #"{"passes":[{"pass":"x"},  ]}"#)
        #expect(throws: RecipeError.json(.unexpectedByte(0xef, offset: 0))) {
            try Recipe(parsing: [0xef, 0xbb, 0xbf] + Array(#"{"passes":[]}"#.utf8), name: "file")
        }
        #expect(throws: RecipeError.json(.invalidUTF8(offset: 1))) {
            try Recipe(parsing: [0x22, 0xff, 0x22], name: "file")
        }
    }

    @Test func aRecipeIsAnObject() {
        for (text, kind) in [("[]", "an array"), ("7", "an integer"), ("null", "null")] {
            expect(
                .wrongKind(place: "", member: "recipe", expected: "an object", found: kind),
                text, says: "an object", kind)
        }
    }

    @Test func passesAreAnArrayOfObjects() {
        expect(.missing(place: "", member: "passes"), "{}", says: "'passes'", "missing")
        expect(
            .wrongKind(place: "", member: "passes", expected: "an array", found: "an object"),
            #"{"passes":{"pass":"quantize"}}"#)
        expect(
            .wrongKind(place: "", member: "passes[1]", expected: "an object", found: "a string"),
            #"{"passes":[{"pass":"quantize"},"quantize"]}"#, says: "passes[1]")
    }

    @Test func namesAreStrings() {
        expect(
            .wrongKind(place: "", member: "name", expected: "a string", found: "an integer"),
            #"{"name":3,"passes":[]}"#)
        expect(
            .wrongKind(place: "", member: "description", expected: "a string", found: "null"),
            #"{"description":null,"passes":[]}"#)
        expect(
            .wrongKind(
                place: "passes[0]", member: "pass", expected: "a string", found: "a boolean"),
            #"{"passes":[{"pass":true}]}"#, says: "passes[0]")
    }

    @Test func aPassHasItsName() {
        expect(
            .missing(place: "passes[0]", member: "pass"), #"{"passes":[{"limit":7}]}"#,
            says: "passes[0]", "'pass'")
    }

    @Test func unknownPassesAreRefusedWithThoseThereAre() throws {
        for name in ["Quantize", "quantise", "", "drop\u{0301}"] {
            let error = #expect(throws: RecipeError.self) {
                try recipe(#"{"passes":[{"pass":"\#(name)"}]}"#)
            }
            guard case .unknownPass(let place, let found, let known)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(place == "passes[0]" && found == name && known.contains("quantize"))
            #expect("\(try #require(error))".contains("quantize"))
        }
    }

    @Test func unknownMembersAreRefusedWithThoseThereAre() throws {
        expect(
            .unknownMember(place: "", member: "version", known: ["description", "name", "passes"]),
            #"{"passes":[],"version":1}"#, says: "'version'", "description, name, passes")
        for member in ["limits", "Limit", "limit ", "tokens"] {
            let error = #expect(throws: RecipeError.self) {
                try recipe(quantize(#""\#(member)":1"#))
            }
            guard case .unknownMember("passes[0]", member, let known)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(known.contains("limit") && known.contains("pass"))
            #expect("\(try #require(error))".contains("'\(member)'"))
        }
    }

    @Test func unknownChoicesAreRefusedWithThoseThereAre() {
        expect(
            .unknownChoice(
                place: "passes[0]", member: "rounding", found: "GPTQ", known: ["nearest", "gptq"]),
            quantize(#""rounding":"GPTQ""#), says: "'GPTQ'", "nearest, gptq")
    }

    @Test(
        "Options of the wrong kind are refused",
        arguments: [
            ("limit", #""7""#, "an integer", "a string"),
            ("limit", "7.0", "an integer", "a number"),
            ("limit", "null", "an integer", "null"), ("limit", "[7]", "an integer", "an array"),
            ("step", "true", "a number", "a boolean"), ("step", "{}", "a number", "an object"),
            ("clip", "1", "true or false", "an integer"),
            ("clip", #""true""#, "true or false", "a string"),
            ("rounding", "1", "a string", "an integer"),
            ("smoothing", #""find""#, "a number", "a string"),
            ("step", #""NaN""#, "a number", "a string"),
        ])
    func kindsAreChecked(member: String, value: String, expected: String, found: String) {
        expect(
            .wrongKind(place: "passes[0]", member: member, expected: expected, found: found),
            quantize(#""\#(member)":\#(value)"#), says: "'\(member)'", "passes[0]")
    }

    @Test(
        "Numbers out of range are refused with the range",
        arguments: [
            ("limit", "0", "1 … 127"), ("limit", "128", "1 … 127"),
            ("limit", "-9223372036854775808", "1 … 127"),
            ("limit", "9223372036854775807", "1 … 127"), ("sweeps", "17", "0 … 16"),
            ("total_tokens", "0", "1 … 16777216"),
        ])
    func integersAreChecked(member: String, value: String, range: String) {
        expect(
            .outOfRange(place: "passes[0]", member: member, found: value, range: range),
            quantize(#""\#(member)":\#(value)"#), says: "'\(member)'", value, range)
    }

    @Test func numbersAreChecked() {
        for (member, value, range) in [
            ("step", 0.009, "0.01 … 2.0"), ("step", 1e300, "0.01 … 2.0"),
            ("smoothing", -0.5, "0.0 … 1.0"), ("rate", 100.5, "0.0 … 100.0"),
            ("outlier_factor", 0.5, "1.0 … 1000000000.0"),
        ] {
            expect(
                .outOfRange(
                    place: "passes[0]", member: member, found: "\(value)", range: range),
                quantize(#""\#(member)":\#(value)"#), says: "'\(member)'", range)
        }
    }

    @Test func moreThan64PassesAreRefused() throws {
        func text(_ count: Int) -> String {
            let passes = [String](repeating: #"{"pass":"quantize"}"#, count: count)
            return #"{"passes":[\#(passes.joined(separator: ","))]}"#
        }
        #expect(try recipe(text(64)).passes.count == 64)
        expect(.tooManyPasses(count: 65, limit: 64), text(65), says: "65", "64")
    }

    // MARK: - Hostile recipes

    @Test func deepNestingIsRefused() throws {
        // The recipe, its passes and a pass are three levels.
        let depth = 14
        let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let text = quantize(#""x":\#(nested)"#)
        let offset = try #require(text.firstRange(of: "[[")).lowerBound.utf16Offset(in: text)
        expect(.json(.nestedTooDeeply(limit: 16, offset: offset + 13)), text, says: "16")
        let bottomless = String(repeating: #"{"passes":["#, count: 100_000)
        #expect(throws: RecipeError.self) { try recipe(bottomless) }
    }

    @Test(
        "Numbers that no double holds are refused",
        arguments: ["1e400", "-1e400", "1" + String(repeating: "0", count: 400), "9e999999999999"])
    func hugeNumbersAreRefused(number: String) {
        let error = #expect(throws: RecipeError.self) {
            try recipe(quantize(#""rate":\#(number)"#))
        }
        guard case .json(.numberOutOfRange)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "Text that only looks like a number is refused",
        arguments: [
            "NaN", "nan", "Infinity", "-Infinity", "+1", ".5", "1.", "01", "0x10", "1e", "--1",
            "1_000",
        ])
    func textLikeNumbersIsRefused(text: String) {
        let error = #expect(throws: RecipeError.self) {
            try recipe(quantize(#""rate":\#(text)"#))
        }
        guard case .json? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func integersOf65BitsAreNumbersAndNotIntegers() {
        expect(
            .wrongKind(
                place: "passes[0]", member: "limit", expected: "an integer", found: "a number"),
            quantize(#""limit":9223372036854775808"#))
        expect(
            .outOfRange(
                place: "passes[0]", member: "rate", found: "9.223372036854776e+18",
                range: "0.0 … 100.0"),
            quantize(#""rate":9223372036854775808"#))
    }

    @Test func duplicateMembersAreRefused() {
        let error = #expect(throws: RecipeError.self) {
            try recipe(quantize(#""limit":7,"limit":7"#))
        }
        guard case .json(.duplicateName("limit", _))? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(throws: RecipeError.self) { try recipe(#"{"passes":[],"passes":[]}"#) }
        #expect(throws: RecipeError.self) {
            try recipe(#"{"passes":[{"pass":"quantize","p\u0061ss":"quantize"}]}"#)
        }
    }

    @Test func namesThatLookAlikeAreNotTheSame() {
        // An i without its dot, and a Cyrillic а in 'pass'.
        #expect(throws: RecipeError.self) { try recipe(quantize(#""lımit":7"#)) }
        expect(
            .missing(place: "passes[0]", member: "pass"), #"{"passes":[{"pаss":"quantize"}]}"#)
    }

    @Test func manyValuesAreRefusedBeforeTheyAreKept() {
        let text = #"{"x":[\#(String(repeating: "0,", count: 1 << 17))0],"passes":[]}"#
        let error = #expect(throws: RecipeError.self) { try recipe(text) }
        guard case .json(.tooManyValues)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func everyBeginningOfARecipeIsRefused() throws {
        let text = quantize(#""limit":7,"smoothing":"search","step":0.25"#)
        _ = try recipe(text)
        for count in 0..<text.utf8.count {
            let error = #expect(throws: RecipeError.self) {
                try Recipe(parsing: Array(text.utf8.prefix(count)), name: "file")
            }
            #expect("\(try #require(error))".contains("byte"), "\(count)")
        }
    }

    @Test func noChangedByteTraps() {
        let text = Array(quantize(#""limit":7,"smoothing":"search","step":0.25"#).utf8)
        var refused = 0
        for position in text.indices {
            for bit in 0..<8 {
                var changed = text
                changed[position] ^= 1 << bit
                do throws(RecipeError) {
                    _ = try Recipe(parsing: changed, name: "file")
                } catch {
                    refused += 1
                    if "\(error)".isEmpty { Issue.record("an error without a word") }
                }
            }
        }
        #expect(refused > text.count * 6)
    }

    // MARK: - Presets and what recipes do

    @Test func presetsAreWhatTheyAreCalled() throws {
        #expect(Recipe.presets.map(\.name) == ["int8", "small", "fast", "tiny", "int4", "float"])
        #expect(Recipe.int8.passes.count == 1 && Recipe.int8.passes[0] is QuantizeWeights)
        #expect(Recipe.float.passes.isEmpty)
        for preset in Recipe.presets {
            #expect(try recipe(preset.json).json == preset.json)
            #expect(try recipe(preset.json).name == preset.name)
        }
        #expect(Set(Recipe.presets.map(\.name)).count == Recipe.presets.count)
    }

    @Test func recipesApplyTheirPassesInOrder() throws {
        let small = try SmallModel(weight: SmallModel.random([9, 8], seed: 20))
        var told: [(String, Double)] = []
        let recipe = try recipe(#"{"passes":[{"pass":"quantize"},{"pass":"quantize"}]}"#)
        let compressed = try recipe.apply(to: small.model) { told.append(($0, $1)) }
        #expect(compressed.records.map(\.pass) == ["quantize", "quantize"])
        #expect(!compressed.records[0].changedNothing && compressed.records[1].changedNothing)
        #expect(!told.isEmpty && told.allSatisfy { $0.0 == "quantize" })
        guard case .quantizedRows? = compressed.model.parameters["weight"]?.storage else {
            Issue.record("the weight was not quantized")
            return
        }
        let plain = try Recipe.float.apply(to: small.model)
        #expect(plain.records.isEmpty && plain.model.graph == small.model.graph)
    }
}
