import Foundation
import Glibc
import Testing

/// How `run-edge --socket` starts and ends.
@Suite struct SocketLifeTests {
    private static let good = Array("{\"ids\":[7]}\n".utf8)

    @Test(
        "A signal lets what was received be answered, and leaves no socket",
        arguments: [SIGTERM, SIGINT])
    func signalsEndTheService(signal: Int32) throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let service = try SocketService(model: model)
        let idle = try service.connect()
        let client = try service.connect()
        try client.send(repeatElement(Self.good, count: 500).joined())
        // What has no line end was not received completely.
        try client.send("{\"ids\":[1".utf8)
        try service.stop(signal)
        let answers = try client.receiveAll().split(separator: 0x0a)
        #expect(answers.count == 500)
        #expect(try Set(answers).allSatisfy { try JSON.object($0)["label"] is String })
        #expect(try idle.receiveAll().isEmpty)
        #expect(throws: POSIXError.self) { try service.connect() }
    }

    @Test("A client that takes no answers does not keep the service from ending")
    func theEndIsNotPutOff() throws {
        let model = try CompressedModels.path(of: .plain, preset: "int8")
        let service = try SocketService(model: model, ["--task", "raw"])
        let silent = try silentClient(of: service)
        try service.stop()
        #expect(try !silent.receive().isEmpty)
    }

    @Test("A second signal ends the service at once")
    func aSecondSignalEndsAtOnce() throws {
        let model = try CompressedModels.path(of: .plain, preset: "int8")
        let service = try SocketService(model: model, ["--task", "raw"])
        let silent = try silentClient(of: service)
        service.program.send(SIGTERM)
        while access(service.path, F_OK) == 0 { usleep(1000) }
        service.program.send(SIGTERM)
        #expect(try service.wait().end == .killed(SIGTERM))
        #expect(try !silent.receive().isEmpty)
    }

    /// A client that has more answers than it takes.
    private func silentClient(of service: SocketService) throws -> SocketConnection {
        let silent = try service.connect()
        let other = try service.connect()
        let many = Array(String(repeating: "{\"ids\":[1,2,3]}\n", count: 1000).utf8)
        var roundsWithout = 0
        while roundsWithout < 50 {
            roundsWithout = silent.sendWhatIsTaken(many) == 0 ? roundsWithout + 1 : 0
            try other.send(Self.good)
            _ = try other.receiveLine()
        }
        return silent
    }

    @Test("The socket is the user's own, whatever the umask is", arguments: ["000", "022", "777"])
    func theSocketIsPrivate(umask: String) throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let service = try SocketService(model: model, limits: "umask \(umask)")
        var status = stat()
        #expect(lstat(service.path, &status) == 0)
        #expect(status.st_mode == S_IFSOCK | 0o600)
        try service.stop()
    }

    @Test("A socket that nobody listens to is replaced")
    func staleSocketsAreReplaced() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let folder = try TemporaryFolder()
        try UnixSocket.leaveStale(at: "\(folder.path)/socket")
        let first = try SocketService(model: model, folder: folder)
        first.program.send(SIGKILL)
        #expect(try first.wait().end == .killed(SIGKILL))
        #expect(access(first.path, F_OK) == 0)
        let second = try SocketService(model: model, folder: folder)
        #expect(try JSON.object(second.answers(to: Self.good))["label"] is String)
        try second.stop()
    }

    @Test("A path where somebody listens is refused, and that service goes on")
    func livingSocketsAreRefused() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let service = try SocketService(model: model)
        for _ in 0..<3 {
            let run = try Program.runEdge.run([model, "--socket", service.path])
            run.expectRefusal(2, naming: [service.path, "listens there already"])
        }
        #expect(try JSON.object(service.answers(to: Self.good))["label"] is String)
        try service.stop()
    }

    @Test("Whatever else lies at the path is refused and stays")
    func otherFilesAreRefused() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let folder = try TemporaryFolder()
        let file = try folder.write("file", "precious".utf8)
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/folder", withIntermediateDirectories: false)
        try UnixSocket.leaveStale(at: "\(folder.path)/stale")
        for (name, target) in [("link", "stale"), ("dangling", "nothing"), ("to-file", "file")] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/\(name)", withDestinationPath: target)
        }
        let names = try folder.names
        for name in names where name != "stale" {
            let run = try Program.runEdge.run([model, "--socket", "\(folder.path)/\(name)"])
            run.expectRefusal(2, naming: ["\(folder.path)/\(name)", "is not a socket"])
        }
        let inFile = try Program.runEdge.run([model, "--socket", "\(file)/socket"])
        inFile.expectRefusal(2, naming: ["\(file)/socket", "Not a directory"])
        let missing = try Program.runEdge.run([model, "--socket", "\(folder.path)/no/socket"])
        missing.expectRefusal(2, naming: ["No such file"])
        #expect(try folder.names == names)
        #expect(try folder.read("file") == Array("precious".utf8))
    }

    @Test("A path that is too long for a socket is refused with its length")
    func longPathsAreRefused() throws {
        let model = try CompressedModels.path(of: .classifier, preset: "int8")
        let folder = try TemporaryFolder()
        let longest =
            folder.path + "/" + String(repeating: "s", count: 106 - folder.path.utf8.count)
        let run = try Program.runEdge.run([model, "--socket", "\(longest)s"])
        run.expectRefusal(2, naming: ["108 bytes", "107"])
        try Program.runEdge.run([model, "--socket", ""]).expectRefusal(
            2, naming: ["--socket", "0 bytes"])
        let program = try Program.runEdge.start([model, "--socket", longest])
        while access(longest, F_OK) != 0 { usleep(1000) }
        program.send(SIGTERM)
        #expect(try program.wait(limit: 60).end == .exited(0))
        #expect(try folder.names.isEmpty)
    }

    @Test("A model that cannot be loaded is refused before there is a socket")
    func badModelsLeaveNoSocket() throws {
        let folder = try TemporaryFolder()
        let model = try folder.write("bad.atn", "nothing".utf8)
        let run = try Program.runEdge.run([model, "--socket", "\(folder.path)/socket"])
        run.expectRefusal(3, naming: [model])
        #expect(try folder.names == ["bad.atn"])
    }
}
