import CommandLineSupport
import Testing

@Suite struct InputLineTests {
    private func parse(_ text: String) throws(InputLineError) -> InputLine {
        try InputLine(parsing: Array(text.utf8))
    }

    private func text(_ json: String) throws -> String? {
        try parse(json).text.map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: - What is read

    @Test func everyMemberIsRead() throws {
        let line = try parse(
            """
             {"text": "a", "text_pair":"b" ,"ids":[1,-2 , 2147483647,-2147483648],\t"type_ids":[],
            "label":"c"}\r\n
            """)
        #expect(line.text == Array("a".utf8))
        #expect(line.textPair == Array("b".utf8))
        #expect(line.ids == [1, -2, .max, .min])
        #expect(line.typeIDs == [])
        #expect(line.label == Array("c".utf8))
        #expect(try parse("{}") == InputLine())
        #expect(try parse(" { } ") == InputLine())
        #expect(try parse(#"{"text":null,"ids":null}"#) == InputLine())
    }

    @Test func unknownMembersAreSkippedWhateverTheyHold() throws {
        let values = [
            "1", "-0", "0.5", "1e9", "1E+9", "-12.50e-3", "true", "false", "null", "\"\\u0041\"",
            "[]", "{}", "[1,[2,{\"a\":[]}],\"x\"]", #"{"a":{"b":null},"c":[true]}"#, "[ ]", "{ }",
            "123456789012345678901234567890", "\"}]\"",
        ]
        for value in values {
            #expect(try text(#"{"x":\#(value),"text":"t"}"#) == "t", "\(value)")
            #expect(try text(#"{"text":"t", "x" : \#(value) }"#) == "t", "\(value)")
        }
        #expect(try text(#"{"Text":"a","text ":"b","":"c"}"#) == nil)
    }

    @Test func theLastOfEqualMembersCounts() throws {
        let line = try parse(#"{"text":"a","ids":[1],"text":"b","ids":[2,3]}"#)
        #expect(line.text == Array("b".utf8))
        #expect(line.ids == [2, 3])
    }

    @Test func escapesAreResolved() throws {
        #expect(try text(#"{"text":"\"\\\/\b\f\n\r\t"}"#) == "\"\\/\u{8}\u{c}\n\r\t")
        #expect(try text(#"{"text":"\u0041\u00e9\u6F22\u0000"}"#) == "Aé漢\0")
        #expect(try text(#"{"te\u0078t":"named by an escape"}"#) == "named by an escape")
        #expect(try text("{\"text\":\"é漢😀\u{7f}\"}") == "é漢😀\u{7f}")
        #expect(try text(#"{"text":""}"#) == "")
    }

    @Test func surrogatePairsBecomeOneScalar() throws {
        #expect(try text(#"{"text":"\ud83d\ude00"}"#) == "😀")
        #expect(try text(#"{"text":"\uD800\uDC00x\uDBFF\uDFFF"}"#) == "\u{10000}x\u{10FFFF}")
        #expect(try text(#"{"text":"\ud7ff\ue000"}"#) == "\u{d7ff}\u{e000}")
    }

    // MARK: - What is refused

    @Test(arguments: [
        (#"{"text":"\ud83d"}"#, 9), (#"{"text":"ab\ude00"}"#, 11), (#"{"text":"\ud83dx"}"#, 9),
        (#"{"text":"\ud83d\n"}"#, 9), (#"{"text":"\ud83d\ud83d"}"#, 9),
        (#"{"text":"\ud83d\u0041"}"#, 9), (#"{"x":["\udfff"]}"#, 7), (#"{"\ud800":1}"#, 2),
    ])
    func halfOfASurrogatePairIsRefused(json: String, offset: Int) {
        #expect(throws: InputLineError.loneSurrogate(offset: offset)) { try parse(json) }
    }

    @Test(arguments: [
        ("", 0), ("  ", 2), ("{", 1), ("{\"text\"", 7), ("{\"x\":", 5), (#"{"text":"a"#, 10),
        (#"{"text":"a""#, 11), (#"{"text":"a",}"#, 12), (#"{"text" "a"}"#, 8), ("{,}", 1),
        ("{text:1}", 1), ("{'text':1}", 1), (#"{"text":"a"} x"#, 13), (#"{"text":"a"}{}"#, 12),
        (#"{"text":"a"}]"#, 12), (#"{"x":tru}"#, 5), (#"{"x":nul"#, 5), (#"{"x":True}"#, 5),
        (#"{"x":}"#, 5), (#"{"x":[1,]}"#, 8), (#"{"x":[1 2]}"#, 8), (#"{"x":[}"#, 6),
        (#"{"x":{"a"}}"#, 9), (#"{"x":{1:2}}"#, 6), (#"{"x":{"a":1,}}"#, 12),
        (#"{"x":"\x"}"#, 7), (#"{"x":"\u12g4"}"#, 10), (#"{"x":"\u12"#, 10), (#"{"x":"\"#, 7),
        ("{\"x\":\"a\nb\"}", 7), ("{\"x\":\"\0\"}", 6), ("{\"x\":\"\u{1f}\"}", 6),
        ("\u{feff}{}", -1), ("{\"x\":1}\0", 7), ("{\u{b}}", 1), ("{\"x\":NaN}", 5),
        ("{\"x\":-Infinity}", 6),
    ])
    func whatIsNotJSONIsRefusedWhereItEnds(json: String, offset: Int) {
        let expected: InputLineError = offset < 0 ? .notAnObject : .notJSON(offset: offset)
        #expect(throws: expected) { try parse(json) }
    }

    @Test(arguments: [
        "01", "-", "+1", ".5", "1.", "1.e5", "1e", "1e+", "--1", "1.2.3", "0x1", "1_000", "-01",
    ])
    func wrongNumbersAreRefused(number: String) {
        for json in [#"{"x":\#(number)}"#, #"{"x":[\#(number)]}"#] {
            #expect(throws: InputLineError.self, "\(json)") { try parse(json) }
        }
    }

    @Test(arguments: ["[]", "\"text\"", "1", "null", "true", "x", "]"])
    func aLineIsAnObject(json: String) {
        #expect(throws: InputLineError.notAnObject) { try parse(json) }
    }

    @Test func membersHaveTheirTypes() {
        for name in ["text", "text_pair", "label"] as [StaticString] {
            for value in ["1", "true", "[]", "{}", "[\"a\"]"] {
                #expect(throws: InputLineError.wrongType(member: name)) {
                    try parse("{\"\(name)\":\(value)}")
                }
            }
        }
        let lists = [
            "1", "\"1\"", "{}", "true", "[1.0]", "[1e2]", "[\"1\"]", "[[1]]", "[null]",
            "[2147483648]", "[-2147483649]", "[99999999999999999999]", "[1,]", "[,1]", "[1 2]",
            "[-]", "[--1]", "[1", "[", "[+1]",
        ]
        for name in ["ids", "type_ids"] as [StaticString] {
            for value in lists {
                #expect(throws: InputLineError.wrongType(member: name), "\(value)") {
                    try parse("{\"\(name)\":\(value)}")
                }
            }
        }
    }

    @Test func numbersOfListsFollowTheGrammarOfJSON() {
        for value in ["[01]", "[-01]", "[00]"] {
            #expect(throws: InputLineError.self, "\(value)") { try parse("{\"ids\":\(value)}") }
        }
        #expect(throws: Never.self) { try parse("{\"ids\":[0,-0,10]}") }
    }

    @Test func nestingHasALimit() throws {
        func nested(_ depth: Int) -> String {
            "{\"x\":" + String(repeating: "[", count: depth)
                + String(repeating: "]", count: depth) + ",\"text\":\"t\"}"
        }
        #expect(try text(nested(32)) == "t")
        #expect(throws: InputLineError.tooDeep) { try parse(nested(33)) }
        let deep = "{\"x\":" + String(repeating: "{\"a\":[", count: 1_000_000)
        #expect(throws: InputLineError.tooDeep) { try parse(deep) }
        // Depth is nesting, not length.
        let wide = "{\"x\":[" + String(repeating: "[[]],", count: 10_000) + "1]}"
        #expect(throws: Never.self) { try parse(wide) }
    }

    @Test func everyTruncatedLineIsAnError() {
        let line = Array(
            #"{"text":"a\u00e9\ud83d\ude00","x":[1.5e3,{"y":null}],"ids":[1,2],"z":true}"#.utf8)
        for length in 0..<line.count {
            #expect(throws: InputLineError.self) { try InputLine(parsing: Array(line[..<length])) }
        }
    }

    // MARK: - Anything at all

    @Test func mutatedLinesAreReadOrRefused() {
        let seed: UInt64 = 7_041_776
        var random = RandomBytes(seed: seed)
        let originals = [
            #"{"text":"a\u00e9\ud83d\ude00\n","text_pair":null,"ids":[1,-2],"type_ids":[0,1]}"#,
            #"{"x":[1.5e-3,{"y":[true,false,null]},"\\"],"label":"yes","ids":[],"text":""}"#,
            #"{"a":{"b":{"c":[[[[1]]]]}},"ids":[2147483647, -2147483648]}"#,
        ].map { Array($0.utf8) }
        let tokens = Array("{}[]\",:\\u0123dDfF-+.eE truefalsn\n\0\u{7f}".utf8) + [0xff, 0xc3]
        var accepted = 0
        for _ in 0..<60_000 {
            var line = originals[Int(random.next() % 3)]
            for _ in 0...Int(random.next() % 4) {
                let place = Int(random.next() % UInt64(line.count + 1))
                let byte = tokens[Int(random.next() % UInt64(tokens.count))]
                switch random.next() % 4 {
                case 0: line.insert(byte, at: place)
                case 1: if place < line.count { line.remove(at: place) }
                case 2: if place < line.count { line[place] = byte }
                default:
                    let end = min(line.count, place + Int(random.next() % 12))
                    line.insert(contentsOf: line[place..<end], at: place)
                }
            }
            do throws(InputLineError) {
                _ = try InputLine(parsing: line)
                accepted += 1
            } catch {
                if case .notJSON(let offset) = error, !(0...line.count).contains(offset) {
                    Issue.record("offset \(offset) of \(line.count), seed \(seed)")
                }
            }
        }
        // Both ways out must have been taken.
        #expect(accepted > 1_000 && accepted < 59_000, "\(accepted) accepted, seed \(seed)")
    }

    @Test func randomBytesAreRefused() {
        let seed: UInt64 = 99
        var random = RandomBytes(seed: seed)
        for _ in 0..<20_000 {
            let line = (0..<Int(random.next() % 24)).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            #expect(throws: InputLineError.self, "\(line), seed \(seed)") {
                try InputLine(parsing: [0x7b, 0x01] + line)
            }
            _ = try? InputLine(parsing: line)
        }
    }

    @Test func everyErrorIsOneSentenceWithItsFacts() {
        #expect(InputLineError.notJSON(offset: 17).message.contains("17"))
        #expect(InputLineError.notAnObject.message.contains("object"))
        #expect(InputLineError.tooDeep.message.contains("32"))
        #expect(InputLineError.wrongType(member: "ids").message.contains("'ids'"))
        #expect(InputLineError.loneSurrogate(offset: 5).message.contains("5"))
        #expect(InputLineError.notJSON(offset: 1) != .notJSON(offset: 2))
    }
}
