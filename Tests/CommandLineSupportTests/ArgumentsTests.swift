import CommandLineSupport
import Testing

@Suite struct ArgumentsTests {
    private static let options = OptionList([
        ("--output", .value), ("--help", .flag), ("--json", .flag), ("--text", .value),
        ("--limit", .value), ("--seed", .notAvailable), ("--input", .values),
    ])

    private func parse(_ arguments: String...) throws(UsageError) -> Arguments {
        try Arguments(arguments.map { Array($0.utf8) }, options: Self.options)
    }

    private func words(_ bytes: [[UInt8]]) -> [String] {
        bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: - Options

    @Test func aValueFollowsItsOptionOrItsEqualsSign() throws {
        #expect(try parse("--text", "x").text("--text") == "x")
        #expect(try parse("--text=x").text("--text") == "x")
        #expect(try parse("--text=a=b").text("--text") == "a=b")
        #expect(try parse("--text=").text("--text") == "")
        #expect(try parse("--text", "").value("--text") == [])
        #expect(try parse("--text", "--json").text("--text") == "--json")
        #expect(try parse("--text", "--").text("--text") == "--")
        #expect(try parse("--text=-o").text("--text") == "-o")
        #expect(try parse().text("--text") == nil)
    }

    @Test func bytesThatAreNotTextAreKept() throws {
        let arguments = try Arguments(
            [Array("--text".utf8), [0xff, 0xfe], [0xc3]], options: Self.options)
        #expect(arguments.value("--text") == [0xff, 0xfe])
        #expect(arguments.positional == [[0xc3]])
    }

    @Test func flagsAndPositionalArgumentsMix() throws {
        let arguments = try parse("a", "--json", "-", "", "b", "--json")
        #expect(arguments.has("--json") && !arguments.has("--help"))
        #expect(words(arguments.positional) == ["a", "-", "", "b"])
    }

    @Test func afterTwoDashesEverythingIsPositional() throws {
        let arguments = try parse("--json", "--", "--text", "-h", "--", "x")
        #expect(words(arguments.positional) == ["--text", "-h", "--", "x"])
        #expect(!arguments.has("--text") && !arguments.has("--help"))
    }

    @Test func theTwoShortOptionsStandForLongOnes() throws {
        #expect(try parse("-o", "file").text("--output") == "file")
        #expect(try parse("-h").has("--help"))
        #expect(throws: UsageError.repeatedOption("--output")) {
            try parse("-o", "a", "--output", "b")
        }
    }

    @Test func someOptionsMayBeRepeated() throws {
        let arguments = try parse("--input=a", "x", "--input", "b", "--input=a")
        #expect(words(arguments.values("--input")) == ["a", "b", "a"])
        #expect(words(arguments.positional) == ["x"])
        #expect(try parse().values("--input") == [])
    }

    @Test func wrongOptionsAreNamed() {
        #expect(throws: UsageError.unknownOption("--nope")) { try parse("--nope=1") }
        #expect(throws: UsageError.unknownOption("-5")) { try parse("-5") }
        #expect(throws: UsageError.unknownOption("--jso")) { try parse("--jso") }
        #expect(throws: UsageError.missingValue(option: "--text")) { try parse("a", "--text") }
        #expect(throws: UsageError.missingValue(option: "--output")) { try parse("-o") }
        #expect(throws: UsageError.repeatedOption("--text")) {
            try parse("--text", "a", "--text=b")
        }
        #expect(throws: UsageError.unexpectedArgument("--json")) { try parse("--json=yes") }
        #expect(throws: UsageError.notAvailable(option: "--seed")) { try parse("--seed", "7") }
        #expect(throws: UsageError.notAvailable(option: "--seed")) { try parse("--seed=7") }
    }

    // MARK: - Numbers

    @Test func numbersLieInTheirRange() throws {
        #expect(try parse("--limit=7").integer("--limit", in: 1...8) == 7)
        #expect(try parse("--limit", "-3").integer("--limit", in: -3...8) == -3)
        #expect(try parse("--limit=8").integer("--limit", in: 1...8) == 8)
        #expect(try parse().integer("--limit", in: 1...8) == nil)
        for (value, isNumber) in [("0", true), ("9", true), ("9x", false), ("", false)] {
            let expected: UsageError =
                isNumber
                ? .outOfRange(option: "--limit", value: value, range: "1…8")
                : .notANumber(option: "--limit", value: value)
            #expect(throws: expected) {
                try parse("--limit=\(value)").integer("--limit", in: 1...8)
            }
        }
        #expect(throws: UsageError.notANumber(option: "--limit", value: "9223372036854775808")) {
            try parse("--limit=9223372036854775808").integer("--limit", in: 0...Int.max)
        }
    }

    @Test func numbersMayBeAList() throws {
        #expect(try parse("--limit=1,2,3").integers("--limit", in: 0...9) == [1, 2, 3])
        #expect(try parse("--limit=4").integers("--limit", in: 0...9) == [4])
        #expect(try parse().integers("--limit", in: 0...9) == nil)
        for value in ["", ",", "1,", ",1", "1,,2", "1, 2", "1;2"] {
            #expect(throws: UsageError.self) {
                try parse("--limit=\(value)").integers("--limit", in: 0...9)
            }
        }
        #expect(throws: UsageError.outOfRange(option: "--limit", value: "10", range: "0…9")) {
            try parse("--limit=1,10").integers("--limit", in: 0...9)
        }
    }

    @Test(arguments: [
        ("4096", 4096), ("0", 0), ("512B", 512), ("3KB", 3_000), ("64MB", 64_000_000),
        ("2GB", 2_000_000_000), ("3KiB", 3_072), ("64MiB", 67_108_864), ("1GiB", 1_073_741_824),
        ("9223372036854775807", Int.max), ("8589934591GiB", 8_589_934_591 << 30),
    ])
    func numbersOfBytesHaveUnits(text: String, expected: Int) throws {
        #expect(try parse("--limit", text).byteCount("--limit") == expected)
    }

    @Test func wrongNumbersOfBytesAreRefused() throws {
        let known = "B, KB, MB, GB, KiB, MiB, GiB"
        for value in ["1 MB", "1mb", "1TB", "1.5GB", "7x", "1MBB"] {
            #expect(
                throws: UsageError.unknownValue(option: "--limit", value: value, known: known)
            ) {
                try parse("--limit=\(value)").byteCount("--limit")
            }
        }
        for value in ["", "MB", "-1MB", "+1", "9223372036854775808"] {
            #expect(throws: UsageError.notANumber(option: "--limit", value: value)) {
                try parse("--limit=\(value)").byteCount("--limit")
            }
        }
        for value in ["8589934592GiB", "9223372036854775807KB", "9223372036854775807KiB"] {
            #expect(
                throws: UsageError.outOfRange(
                    option: "--limit", value: value, range: "0…\(Int.max)")
            ) {
                try parse("--limit=\(value)").byteCount("--limit")
            }
        }
        #expect(try parse().byteCount("--limit") == nil)
    }

    @Test func wholeNumbersAreReadExactly() {
        let valid = [
            ("0", 0), ("-0", 0), ("007", 7), ("-1", -1), ("9223372036854775807", Int.max),
            ("-9223372036854775807", -Int.max), ("-9223372036854775808", Int.min),
            ("00000000000000000000000000000000012", 12),
        ]
        for (text, number) in valid { #expect(parseInteger(Array(text.utf8)) == number) }
        let invalid = [
            "", "-", "+1", "--1", "1-", " 1", "1 ", "1.0", "1e3", "0x10", "９", "\0",
            "9223372036854775808", "-9223372036854775809", "99999999999999999999",
            "18446744073709551616", "-18446744073709551617",
        ]
        for text in invalid { #expect(parseInteger(Array(text.utf8)) == nil, "\(text)") }
    }

    @Test func theArgumentsOfTheProcessAreThoseOfSwift() {
        let expected = CommandLine.arguments.dropFirst().map { Array($0.utf8) }
        #expect(Arguments.ofProcess() == expected)
    }

    // MARK: - Sentences

    @Test func everyErrorIsOneSentenceWithItsFacts() {
        let errors: [(UsageError, [String])] = [
            (.unknownOption("--x"), ["--x"]), (.missingValue(option: "--x"), ["--x"]),
            (.repeatedOption("--x"), ["--x"]), (.missingArgument("the model"), ["the model"]),
            (.unexpectedArgument("extra"), ["extra"]),
            (.notANumber(option: "--x", value: "y"), ["--x", "'y'"]),
            (.outOfRange(option: "--x", value: "9", range: "1…8"), ["--x", "9", "1…8"]),
            (.unknownValue(option: "--x", value: "y", known: "a, b"), ["--x", "'y'", "a, b"]),
            (.together("--x", "--y"), ["--x", "--y"]),
            (.missingTogether("--x", needs: "--y"), ["--x", "--y"]),
            (.notAvailable(option: "--x"), ["--x"]),
        ]
        for (error, facts) in errors {
            #expect(!error.message.contains("\n") && !error.message.hasSuffix("."))
            for fact in facts { #expect(error.message.contains(fact)) }
        }
    }
}
