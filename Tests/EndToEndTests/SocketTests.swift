import Foundation
import Glibc
import Testing

/// `run-edge --socket`: every client gets what `--input -` would give it.
@Suite struct SocketTests {
    @Test("Good, bad and odd lines get the bytes of --input, however they arrive")
    func answersAreThoseOfInput() throws {
        let model = try CompressedModels.letterClassifier(preset: "int8")
        var lines = Array(
            """
            {"text":"hello world"}
            {"ids":[1,2,3]}

            {
            [1,2]
            {"ids":[100]}
            {"ids":[]}
            {"text":"a","text_pair":"b"}\r
            {"text":"\(String(repeating: "a ", count: 100))"}
            """.utf8)
        // Bytes that are no text, and a last line without its end.
        lines += [0x0a, 0, 0x0a] + (1...255).map { UInt8($0) } + Array("\n{\"text\":\"a".utf8)
        lines += [0, 0xff, 0x0a] + Array("{\"ids\":[4,5]}".utf8)
        let reference = try Program.runEdge.run([model, "--input", "-"], input: lines)
        #expect(reference.end == .exited(1))
        let service = try SocketService(model: model)
        #expect(try service.answers(to: lines) == reference.output)
        let slow = try service.connect()
        for byte in lines { try slow.send([byte]) }
        slow.endSending()
        #expect(try slow.receiveAll() == reference.output)
        try service.stop()
    }

    @Test("Each of many clients gets its own answers in its order", arguments: ["1", "2"])
    func everyClientGetsItsAnswers(threads: String) throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let clientCount = 24
        let lineCount = 150
        var generator = Sequence64(seed: 5)
        let inputs = (0..<clientCount).map { _ in
            (0..<lineCount).map { _ in
                let ids = (0..<1 + generator.next() % 30).map { _ in generator.next() % 100 }
                return "{\"ids\":\(ids)}\n"
            }
        }
        let reference = try Program.runEdge.run(
            [model, "--input", "-"], input: Array(inputs.joined().joined().utf8))
        try reference.expectDone()
        let expected = reference.lines.map { Array("\($0)\n".utf8) }
        let service = try SocketService(model: model, ["--threads", threads])

        // All at once.
        let clients = try inputs.map { lines in
            let client = try service.connect()
            client.sendInBackground(Array(lines.joined().utf8), thenEnd: true)
            return client
        }
        for (index, client) in clients.enumerated() {
            let start = index * lineCount
            let answers = Array(expected[start..<start + lineCount].joined())
            #expect(try client.receiveAll() == answers, "client \(index)")
        }
        // And line by line in turn.
        let others = try inputs.map { _ in try service.connect() }
        for line in 0..<10 {
            for (index, client) in others.enumerated() { try client.send(inputs[index][line].utf8) }
            for (index, client) in others.enumerated().reversed() {
                #expect(try client.receiveLine() == expected[index * lineCount + line])
            }
        }
        try service.stop()
    }

    @Test("A client that goes away in the middle harms nobody")
    func clientsMayGoAway() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let service = try SocketService(model: model)
        let other = try service.connect()
        var generator = Sequence64(seed: 6)
        let many = Array(String(repeating: "{\"ids\":[1,2,3]}\n", count: 2000).utf8)
        try other.send("{\"ids\":[7]}\n".utf8)
        let answer = try other.receiveLine()
        #expect(try JSON.object(answer)["label"] is String)
        for round in 0..<40 {
            let client = try service.connect()
            // As much as is taken at once, cut anywhere; some also take a part of the answers.
            _ = client.sendWhatIsTaken(Array(many.prefix(Int(generator.next() % 32_000))))
            if round % 3 == 0 { _ = client.sendWhatIsTaken(Array("{\"ids\":[1]}\n".utf8)) }
            if round % 3 == 1, round % 2 == 0 { client.endSending() }
            if round % 3 == 0 { _ = try client.receive(10) }
        }
        try other.send("{\"ids\":[7]}\n".utf8)
        #expect(try other.receiveLine() == answer)
        try service.stop()
    }

    @Test("A client that takes no answers is not received from, and the others are served")
    func clientsThatDoNotReadAreNotReceivedFrom() throws {
        let model = try CompressedModels.path(of: .plain, preset: "int8")
        let service = try SocketService(model: model, ["--task", "raw"])
        let other = try service.connect()
        let line = Array("{\"ids\":[1,2,3]}\n".utf8)
        try other.send(line)
        let answer = try other.receiveLine()
        let silent = try service.connect()
        let piece = Array(repeatElement(line, count: 1000).joined())
        var taken = 0
        // Nothing is taken although the service has come round many times.
        var roundsWithout = 0
        while roundsWithout < 50, taken < 16 << 20 {
            let start = taken % line.count
            let count = silent.sendWhatIsTaken(Array(piece[start...]))
            taken += count
            roundsWithout = count == 0 ? roundsWithout + 1 : 0
            try other.send(line)
            #expect(try other.receiveLine() == answer)
        }
        #expect(taken < 4 << 20, "the service takes \(taken) bytes of lines without an end")
        // When the client takes them, all answers are there.
        silent.endSending()
        let answers = try silent.receiveAll()
        let whole = taken / line.count
        #expect(answers.starts(with: repeatElement(answer, count: whole).joined()))
        let rest = answers.dropFirst(whole * answer.count)
        if taken % line.count == 0 {
            #expect(rest.isEmpty)
        } else {
            #expect(rest.filter { $0 == 0x0a }.count == 1)
        }
        try service.stop()
    }

    @Test("A client that never stops sending does not keep others waiting")
    func clientsTakeTurns() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let service = try SocketService(model: model)
        let busy = try service.connect()
        let many = Array(String(repeating: "{\"ids\":[1,2,3]}\n", count: 1000).utf8)
        let reader = Thread { while let bytes = try? busy.receive(), !bytes.isEmpty {} }
        reader.start()
        // Ends only when the service does.
        Thread.detachNewThread { while (try? busy.send(many)) != nil {} }
        let other = try service.connect()
        for _ in 0..<30 {
            try other.send("{\"ids\":[7]}\n".utf8)
            #expect(try JSON.object(other.receiveLine())["label"] is String)
        }
        try service.stop()
    }

    @Test("A line without an end is dropped at the limit, and others have room beside it")
    func endlessLinesAreDropped() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let service = try SocketService(model: model)
        let limit = 64 << 20
        let good = Array("{\"ids\":[7]}\n".utf8)
        let piece = [UInt8](repeating: 0x20, count: 1 << 20)
        let endless = try service.connect()
        // A part of the memory for long lines is taken …
        for _ in 0..<40 { try endless.send(piece) }
        let other = try service.connect()
        try other.send(good)
        let answer = try other.receiveLine()
        #expect(try JSON.object(answer)["label"] is String)
        // … so that another long line does not fit, but one of 100 kB does.
        for _ in 0..<40 { try other.send(piece) }
        try other.send(good)
        #expect(try JSON.object(other.receiveLine())["error"] is String)
        try other.send(piece.prefix(100_000) + good)
        #expect(try other.receiveLine() == answer)
        // Far beyond the limit nothing grows any more.
        for _ in 0..<100 { try endless.send(piece) }
        try other.send(good)
        #expect(try other.receiveLine() == answer)
        #expect(try service.residentBytes() < 3 * limit)
        try endless.send([0x0a] + good)
        let error = try #require(try JSON.object(endless.receiveLine())["error"] as? String)
        #expect(error.contains("\(limit) bytes"))
        #expect(try endless.receiveLine() == answer)
        // A long line has room again.
        for _ in 0..<40 { try other.send(piece) }
        try other.send(good)
        #expect(try other.receiveLine() == answer)
        try service.stop()
    }

    @Test("No more than 64 clients are served; the next one is told, and has a place later")
    func thereIsALimitOfClients() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let service = try SocketService(model: model)
        let good = Array("{\"ids\":[7]}\n".utf8)
        var clients = try (0..<64).map { _ in try service.connect() }
        for client in clients { try client.send(good) }
        for client in clients { #expect(try JSON.object(client.receiveLine())["label"] is String) }
        let refused = try service.connect()
        let error = try #require(try JSON.object(refused.receiveAll())["error"] as? String)
        #expect(error.contains("64 clients"))
        clients.removeLast()
        #expect(try JSON.object(service.answers(to: good))["label"] is String)
        try service.stop()
    }

    @Test("A process with few descriptors serves as many clients as it can, then the others")
    func clientsWaitForDescriptors() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let service = try SocketService(model: model, limits: "ulimit -n 12")
        let good = Array("{\"ids\":[7]}\n".utf8)
        var clients = try (0..<30).map { _ in try service.connect() }
        for client in clients { try client.send(good) }
        while !clients.isEmpty {
            #expect(try JSON.object(clients[0].receiveLine())["label"] is String)
            clients.removeFirst()
        }
        try service.stop()
    }

    @Test("Damage of the model that one line finds is its answer; the others are served")
    func damageIsAnAnswer() throws {
        let folder = try TemporaryFolder()
        let model = try DamagedContainerTests.damagedWords(in: folder)
        let good = Array("{\"ids\":[\(TinyBert.vocabularySize - 1)]}\n".utf8)
        let service = try SocketService(model: model, folder: folder)
        let answers = try service.answers(
            to: Array("{\"ids\":[0]}\n{\"ids\":[1]}\n".utf8) + good)
        let lines = try answers.split(separator: 0x0a).map { try JSON.object($0) }
        try #require(lines.count == 3)
        for line in lines.prefix(2) {
            #expect((line["error"] as? String)?.contains("chunk") == true)
        }
        service.program.send(SIGTERM)
        let run = try service.wait()
        #expect(run.end == .exited(0))
        // Once, however many lines find it.
        let told = run.errorText.split(separator: "\n")
        #expect(told.count == 2)
        #expect(told.last?.contains(model) == true && told.last?.contains("chunk") == true)
    }
}
