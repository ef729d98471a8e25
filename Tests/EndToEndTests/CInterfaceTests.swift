import CAttenuate
import Foundation
import Synchronization
import Testing

/// What `attenuate.h` promises, tested in this process; `SharedLibraryTests` tests the built
/// library.
@Suite struct CInterfaceTests {
    private typealias Told = OpenModel.Told

    private let path: String

    init() throws {
        path = try CompressedModels.letterClassifier(preset: "int8")
    }

    private func told(_ body: () throws -> Void) -> Told? {
        do {
            try body()
            return nil
        } catch {
            return error as? Told
        }
    }

    /// The floats that `run-edge` prints, to the bit.
    private func bits(_ run: ProgramRun, _ member: String) throws -> [UInt32] {
        try run.expectDone()
        return JSON.writtenNumbers(run.outputText, member: member).compactMap {
            Float($0)?.bitPattern
        }
    }

    // MARK: - Facts

    @Test("The version is that of the header and of run-edge")
    func versions() throws {
        let version = String(cString: try #require(attenuate_version()))
        #expect(version == ATTENUATE_VERSION)
        let run = try Program.runEdge.run(["--version"])
        #expect(run.outputText == "run-edge \(version)\n")
    }

    @Test("A model tells what run-edge info tells", arguments: ["scalar", nil])
    func facts(instructionSet: String?) throws {
        let name = instructionSet.map { strdup($0) }
        defer { free(name ?? nil) }
        var options = attenuate_options()
        options.thread_count = 1
        options.instruction_set = name.map { UnsafePointer($0!) }
        let model = try OpenModel(path, options)
        let info = try model.info()
        let named = instructionSet.map { ["--isa", $0] } ?? []
        let told = try Program.runEdge.run(
            ["info", path, "--json", "--threads", "1"] + named
        ).json()
        #expect(Int(info.task) == ATTENUATE_CLASSIFY)
        #expect(Int(info.maximum_tokens) == told["maximum_tokens"] as? Int)
        #expect(Int(info.vocabulary_size) == told["vocabulary_size"] as? Int)
        #expect(info.type_count == 2)
        #expect(info.has_tokenizer == 1)
        #expect(info.embedding_size == 0)
        let scores = try Program.runEdge.run([path, "--text", "the", "--json"]).json()["scores"]
        #expect(Int(info.class_count) == (scores as? [String: Any])?.count)
        #expect(Set(try model.labels) == Set((scores as? [String: Any] ?? [:]).keys))
        #expect(info.raw_row_count == 1)
        #expect(info.raw_column_count == info.class_count)
        #expect(info.thread_count == 1)
        #expect(String(cString: try #require(info.instruction_set)) == told["isa"] as? String)
        let memory = try #require((told["memory"] as? [[String: Any]])?.last)
        #expect(info.memory_bytes == UInt64(try #require(memory["session_bytes"] as? Int)))
        for index in [-1, info.class_count, Int32.min, .max] as [Int32] {
            #expect(attenuate_label(model.handle, index) == nil)
        }
    }

    @Test("A model without text and classes says so")
    func plainFacts() throws {
        let model = try OpenModel(CompressedModels.path(of: .plain, preset: "int8"))
        let info = try model.info()
        #expect(info.has_tokenizer == 0)
        #expect(info.class_count == 0)
        #expect(info.raw_row_count == 0)
        #expect(Int(info.raw_column_count) == TinyBert.columnCount)
        #expect(Int(info.vocabulary_size) == TinyBert.vocabularySize)
        #expect(attenuate_label(model.handle, 0) == nil)
        #expect(told { _ = try model.tokenize("a") }?.status == ATTENUATE_UNSUPPORTED)
        #expect(told { _ = try model.run(text: [0x61]) }?.status == ATTENUATE_UNSUPPORTED)
        let classify = told { _ = try model.run(ids: [1], task: ATTENUATE_CLASSIFY) }
        #expect(classify?.status == ATTENUATE_UNSUPPORTED)
        #expect(classify?.message.contains("'classify'") == true)
    }

    // MARK: - Running

    @Test("Texts and pairs get the classes of run-edge", arguments: [nil, "hello"])
    func texts(pair: String?) throws {
        let model = try OpenModel(path)
        for text in ["the world", "", "hello and hello", "Grüße, 世界", "a\u{0}b"] {
            let answer = try model.run(text: Array(text.utf8), pair: pair.map { Array($0.utf8) })
            let line = try JSONSerialization.data(
                withJSONObject: ["text": text, "text_pair": pair as Any? ?? NSNull()].filter {
                    !($0.value is NSNull)
                })
            let run = try Program.runEdge.run(
                [path, "--input", "-"], input: Array(line) + [0x0a])
            try run.expectDone()
            #expect(try run.json()["label"] as? String == model.labels[answer.best])
            let written = run.outputText.matches(of: /":([-+.e0-9]+)/).compactMap {
                Float($0.output.1)?.bitPattern
            }
            // The first number is the score of the best.
            #expect(answer.bits == Array(written.dropFirst()))
            #expect(answer.rowCount == 1)
        }
    }

    @Test("Tokens get the raw rows of run-edge", arguments: ["int8", "float"])
    func rawRows(preset: String) throws {
        let path = try CompressedModels.path(of: .plain, preset: preset)
        let model = try OpenModel(path)
        let ids: [Int32] = [2, 17, 99, 0, 3]
        let answer = try model.run(ids: ids, task: ATTENUATE_RAW)
        let list = ids.map { "\($0)" }.joined(separator: ",")
        let run = try Program.runEdge.run([path, "--ids", list, "--task", "raw", "--json"])
        #expect(answer.bits == (try bits(run, "output")))
        #expect(answer.rowCount == ids.count && answer.columnCount == TinyBert.columnCount)
        #expect(answer.tokenCount == ids.count && answer.totalTokenCount == ids.count)
        #expect(answer.best == -1)
        #expect(try model.run(ids: ids, types: [0, 0, 0, 0, 0], task: ATTENUATE_RAW) == answer)
        #expect(try model.run(ids: ids, types: [0, 0, 1, 1, 1], task: ATTENUATE_RAW) != answer)
    }

    @Test("Embeddings are those of run-edge")
    func embeddings() throws {
        let checkpoint = try CheckpointCopy(of: .plain)
        try FileManager.default.createDirectory(
            atPath: checkpoint.folder.path + "/1_Pooling", withIntermediateDirectories: true)
        try checkpoint.folder.write("1_Pooling/config.json", #"{"pooling_mode":"mean"}"#.utf8)
        try checkpoint.folder.write(
            "modules.json",
            #"[{"type":"models.Transformer","path":""},{"type":"models.Pooling","path":"1_Pooling"}]"#
                .utf8)
        let path = try CompressedModels.path(
            of: checkpoint.folder.path, name: "pooled", preset: "int8")
        let model = try OpenModel(path)
        #expect(Int(try model.info().task) == ATTENUATE_EMBED)
        #expect(Int(try model.info().embedding_size) == TinyBert.columnCount)
        let answer = try model.run(ids: [2, 17, 3])
        let run = try Program.runEdge.run([path, "--ids", "2,17,3", "--json"])
        #expect(answer.bits == (try bits(run, "embedding")))
        #expect(answer.best == -1)
    }

    @Test("Texts give the tokens of run-edge, cut to what the model takes")
    func tokens() throws {
        let model = try OpenModel(path)
        let pair = try model.tokenize("hello", pair: "world")
        #expect(pair.types == [0, 0, 0, 1, 1])
        for text in ["", "the world", String(repeating: "a ", count: 100)] {
            let tokens = try model.tokenize(text)
            let run = try Program.runEdge.run(["tokenize", path, "--text", text])
            let ids = JSON.numbers(try run.json()["ids"]).map { Int32($0) }
            #expect(tokens.total == ids.count)
            #expect(tokens.ids.count == min(ids.count, TinyBert.maximumTokens))
            #expect(tokens.ids.dropLast() == ids.prefix(tokens.ids.count - 1))
            #expect(tokens.ids.last == ids.last)
            let answer = try model.run(text: Array(text.utf8))
            #expect(answer.tokenCount == tokens.ids.count)
            #expect(answer.totalTokenCount == tokens.total)
            #expect(answer.bits == (try model.run(ids: tokens.ids, types: tokens.types)).bits)
        }
    }

    @Test("A buffer that is too small by one is not written to, and the size is told")
    func smallBuffers() throws {
        let model = try OpenModel(path)
        let classes = Int(try model.info().class_count)
        var values = [Float](repeating: 5, count: classes)
        var result = attenuate_result()
        let run = OpenModel.told {
            attenuate_run_ids(
                model.handle, 0, [2, 3], nil, 2, &values, classes - 1, &result, $0)
        }
        #expect(run.status == ATTENUATE_TOO_SMALL)
        #expect(run.message.contains("\(classes) floats"))
        #expect(values.allSatisfy { $0 == 5 })
        #expect(result.row_count * result.column_count == classes)
        var ids = [Int32](repeating: 5, count: 3)
        var count = 0
        let tokens = OpenModel.told {
            attenuate_tokenize(
                model.handle, "the world", 9, nil, 0, &ids, nil, 3, &count, nil, $0)
        }
        #expect(tokens.status == ATTENUATE_TOO_SMALL)
        #expect(count == 4)
        #expect(ids == [5, 5, 5])
        #expect(
            attenuate_tokenize(model.handle, "the world", 9, nil, 0, nil, nil, 0, &count, nil, nil)
                == attenuate_status(ATTENUATE_TOO_SMALL))
    }

    // MARK: - Memory and threads

    @Test("A container in memory gives what the file gives, anywhere at a multiple of 8")
    func containersInMemory() throws {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let expected = try OpenModel(path).run(ids: [2, 17, 3])
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bytes.count + 16, alignment: 64)
        defer { memory.deallocate() }
        for offset in [0, 8] {
            memory.baseAddress.map { ($0 + offset).copyMemory(from: bytes, byteCount: bytes.count) }
            let place = UnsafeRawBufferPointer(rebasing: memory[offset..<offset + bytes.count])
            let model = try OpenModel(place)
            #expect(try model.run(ids: [2, 17, 3]) == expected)
            let odd = UnsafeRawBufferPointer(rebasing: memory[1...])
            #expect(told { _ = try OpenModel(odd) }?.status == ATTENUATE_INVALID_ARGUMENT)
        }
    }

    @Test("Threads that share a model get the bits of one")
    func threadsShareAModel() throws {
        let model = try OpenModel(path)
        nonisolated(unsafe) let shared = model
        let texts = ["the world", "", "hello and hello", "0123456789 abcdefghij"].map {
            Array($0.utf8)
        }
        let expected = try texts.map { try model.run(text: $0) }
        let differences = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 64) { round in
            let index = round % texts.count
            let isSame =
                (try? shared.run(text: texts[index])) == expected[index]
                && (try? shared.tokenize("the"))?.ids.count == 3
                && (try? shared.labels.isEmpty) == false
            if !isSame { differences.withLock { $0 += 1 } }
        }
        #expect(differences.withLock { $0 } == 0)
    }

    @Test("Numbers of threads and instruction sets do not change the bits")
    func optionsChangeNoBits() throws {
        let expected = try OpenModel(path).run(ids: [2, 17, 40, 3])
        for threads in [1, 2, 1024] as [Int32] {
            var options = attenuate_options()
            options.thread_count = threads
            #expect(try OpenModel(path, options).run(ids: [2, 17, 40, 3]) == expected)
        }
        let isScalar = try "scalar".withCString { name in
            var options = attenuate_options()
            options.instruction_set = name
            return try OpenModel(path, options).run(ids: [2, 17, 40, 3]) == expected
        }
        #expect(isScalar)
    }

    @Test("The memory limit is exactly the need that the model states")
    func memoryLimits() throws {
        var options = attenuate_options()
        options.thread_count = 1
        options.memory_limit = try OpenModel(path, options).info().memory_bytes
        _ = try OpenModel(path, options)
        options.memory_limit -= 1
        let refused = told { _ = try OpenModel(path, options) }
        #expect(refused?.status == ATTENUATE_OVER_MEMORY_LIMIT)
        #expect(refused?.message.contains("\(options.memory_limit)") == true)
        options.memory_limit = .max
        _ = try OpenModel(path, options)
    }

    // MARK: - What is refused

    @Test("Null pointers and lengths that cannot be are refused by name")
    func invalidArguments() throws {
        let model = try OpenModel(path)
        let handle = model.handle
        let ids: [Int32] = [2, 3]
        var values = [Float](repeating: 0, count: 64)
        var numbers = [Int32](repeating: 0, count: 64)
        var count = 0
        var info = attenuate_info()
        var opened: OpaquePointer?
        let expectations: [(String, Told)] = [
            ("model is null", OpenModel.told { attenuate_get_info(nil, &info, $0) }),
            ("info is null", OpenModel.told { attenuate_get_info(handle, nil, $0) }),
            ("path is null", OpenModel.told { attenuate_open_file(nil, nil, &opened, $0) }),
            ("model is null", OpenModel.told { attenuate_open_file(path, nil, nil, $0) }),
            ("bytes is null", OpenModel.told { attenuate_open_memory(nil, 0, nil, &opened, $0) }),
            ("byte_count", OpenModel.told { attenuate_open_memory(&values, -1, nil, &opened, $0) }),
            (
                "model is null",
                OpenModel.told { attenuate_run_ids(nil, 0, ids, nil, 2, &values, 64, nil, $0) }
            ),
            (
                "ids is null",
                OpenModel.told { attenuate_run_ids(handle, 0, nil, nil, 2, &values, 64, nil, $0) }
            ),
            (
                "count is 18446744073709551615",
                OpenModel.told { attenuate_run_ids(handle, 0, ids, nil, -1, &values, 64, nil, $0) }
            ),
            (
                "values is null",
                OpenModel.told { attenuate_run_ids(handle, 0, ids, nil, 2, nil, 64, nil, $0) }
            ),
            (
                "capacity of values",
                OpenModel.told {
                    attenuate_run_ids(handle, 0, ids, nil, 2, &values, .min, nil, $0)
                }
            ),
            (
                "there is no task 4",
                OpenModel.told { attenuate_run_ids(handle, 4, ids, nil, 2, &values, 64, nil, $0) }
            ),
            (
                "there is no task -1",
                OpenModel.told { attenuate_run_ids(handle, -1, ids, nil, 2, &values, 64, nil, $0) }
            ),
            (
                "text is null",
                OpenModel.told {
                    attenuate_run_text(handle, 0, nil, 0, nil, 0, &values, 64, nil, $0)
                }
            ),
            (
                "length of text",
                OpenModel.told {
                    attenuate_run_text(handle, 0, "a", -1, nil, 0, &values, 64, nil, $0)
                }
            ),
            (
                "pair is null",
                OpenModel.told {
                    attenuate_run_text(handle, 0, "a", 1, nil, 1, &values, 64, nil, $0)
                }
            ),
            (
                "length of pair",
                OpenModel.told {
                    attenuate_run_text(handle, 0, "a", 1, "b", .min, &values, 64, nil, $0)
                }
            ),
            (
                "count is null",
                OpenModel.told {
                    attenuate_tokenize(handle, "a", 1, nil, 0, &numbers, nil, 64, nil, nil, $0)
                }
            ),
            (
                "ids is null",
                OpenModel.told {
                    attenuate_tokenize(handle, "a", 1, nil, 0, nil, &numbers, 64, &count, nil, $0)
                }
            ),
            (
                "capacity of ids",
                OpenModel.told {
                    attenuate_tokenize(handle, "a", 1, nil, 0, &numbers, nil, -1, &count, nil, $0)
                }
            ),
        ]
        for (words, told) in expectations {
            #expect(told.status == ATTENUATE_INVALID_ARGUMENT, "\(words): \(told)")
            #expect(told.message.contains(words), "\(told.message)")
        }
        #expect(opened == nil)
        #expect(
            attenuate_run_ids(nil, 0, nil, nil, 0, nil, 0, nil, nil)
                == attenuate_status(ATTENUATE_INVALID_ARGUMENT))
        attenuate_close(nil)
        attenuate_close(&opened)
    }

    @Test("A closed handle is null, and other memory is no model")
    func handlesThatAreNone() throws {
        let model = try OpenModel(path)
        model.close()
        #expect(model.handle == nil)
        model.close()
        #expect(told { _ = try model.info() }?.message == "model is null")
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 192, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0x61, count: 192)
        defer { memory.deallocate() }
        for offset in [0, 8, 63] {
            let pointer = OpaquePointer(memory + offset)
            var info = attenuate_info()
            let told = OpenModel.told { attenuate_get_info(pointer, &info, $0) }
            #expect(told.status == ATTENUATE_INVALID_ARGUMENT)
            #expect(told.message == "model is closed or is no model")
            #expect(attenuate_label(pointer, 0) == nil)
            var handle: OpaquePointer? = pointer
            attenuate_close(&handle)
            #expect(handle == nil)
        }
    }

    @Test("Options that cannot be are refused, and a message that is too long is cut")
    func invalidOptions() throws {
        for threads in [-1, 1025, Int32.min, .max] as [Int32] {
            var options = attenuate_options()
            options.thread_count = threads
            let refused = told { _ = try OpenModel(path, options) }
            #expect(refused?.status == ATTENUATE_INVALID_ARGUMENT)
            #expect(refused?.message.contains("\(threads)") == true)
        }
        var reserved = attenuate_options()
        reserved.reserved.3 = 1
        #expect(told { _ = try OpenModel(path, reserved) }?.status == ATTENUATE_INVALID_ARGUMENT)
        reserved = attenuate_options()
        reserved.reserved_flags = 1
        #expect(told { _ = try OpenModel(path, reserved) }?.status == ATTENUATE_INVALID_ARGUMENT)
        for name in ["", "mmx", String(repeating: "é", count: 300), "a\nb"] {
            let refused = name.withCString { name in
                var options = attenuate_options()
                options.instruction_set = name
                return told { _ = try OpenModel(path, options) }
            }
            #expect(refused?.status == ATTENUATE_INSTRUCTION_SET)
            let message = try #require(refused?.message)
            #expect(message.hasPrefix("unknown instruction set '"))
            #expect(message.utf8.count < ATTENUATE_MESSAGE_BYTES && !message.contains("\n"))
            if name.utf8.count > 300 { #expect(message.hasSuffix("é")) }
        }
    }

    @Test("Texts that are not UTF-8 or too long, and tokens that are not there, are refused")
    func invalidInputs() throws {
        let model = try OpenModel(path)
        for text in [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]] as [[UInt8]] {
            #expect(told { _ = try model.run(text: text) }?.status == ATTENUATE_INVALID_TEXT)
            let pair = told { _ = try model.run(text: [0x61], pair: text) }
            #expect(pair?.status == ATTENUATE_INVALID_TEXT)
            #expect(pair?.message == "pair is not valid UTF-8")
        }
        let limit = Int(ATTENUATE_MAXIMUM_TEXT_BYTES)
        let long = [UInt8](repeating: 0x61, count: limit + 1)
        #expect(told { _ = try model.run(text: long) }?.status == ATTENUATE_INVALID_TEXT)
        #expect(try model.run(text: long.dropLast()).tokenCount == 3)
        let tokens: [(ids: [Int32], types: [Int32]?, word: String)] = [
            ([-1], nil, "-1"), ([2, 100], nil, "position 1"), ([.max], nil, "\(Int32.max)"),
            ([1], [2], "type 2"), ([1], [-1], "type -1"),
            (Array(repeating: 1, count: 41), nil, "41 tokens"),
        ]
        for (ids, types, word) in tokens {
            let refused = told { _ = try model.run(ids: ids, types: types) }
            #expect(refused?.status == ATTENUATE_INVALID_TOKENS)
            #expect(refused?.message.contains(word) == true, "\(refused?.message ?? "")")
        }
        let none = OpenModel.told {
            attenuate_run_ids(model.handle, 0, [1], nil, 0, nil, 0, nil, $0)
        }
        #expect(none.status == ATTENUATE_INVALID_TOKENS)
        // Half of all addresses is a number of tokens, too.
        let many = OpenModel.told {
            attenuate_run_ids(model.handle, 0, [1], nil, .max, nil, 0, nil, $0)
        }
        #expect(many.status == ATTENUATE_INVALID_TOKENS)
        _ = try model.run(ids: [1])
    }

    @Test("Files that cannot be opened and containers that are damaged are told apart")
    func damagedContainers() throws {
        #expect(
            told { _ = try OpenModel("/no/such/model") }
                == Told(status: ATTENUATE_FILE, message: "No such file or directory"))
        #expect(told { _ = try OpenModel("/tmp") }?.status == ATTENUATE_FILE)
        #expect(told { _ = try OpenModel("") }?.status == ATTENUATE_FILE)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bytes.count, alignment: 64)
        defer { memory.deallocate() }
        memory.copyBytes(from: bytes)
        for count in [0, 1, 8, 127, 128, 129, bytes.count / 2, bytes.count - 1] {
            let part = UnsafeRawBufferPointer(rebasing: memory[..<count])
            #expect(told { _ = try OpenModel(part) }?.status == ATTENUATE_INVALID_MODEL, "\(count)")
        }
        var refusedCount = 0
        for position in stride(from: 0, to: bytes.count, by: 97) {
            memory[position] ^= 0x20
            let refused = told {
                _ = try OpenModel(UnsafeRawBufferPointer(memory)).run(ids: [2, 3])
            }
            if let refused {
                #expect(refused.status == ATTENUATE_INVALID_MODEL, "\(position): \(refused)")
                refusedCount += 1
            }
            memory[position] ^= 0x20
        }
        #expect(refusedCount > 10)
    }
}
