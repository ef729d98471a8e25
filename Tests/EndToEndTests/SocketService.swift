import Foundation
import Glibc
import Testing

/// `run-edge --socket`, running.
final class SocketService {
    let path: String
    private let folder: TemporaryFolder
    let program: RunningProgram
    private var hasEnded = false

    /// Starts the service and waits until it listens.
    ///
    /// - Parameter limits: what the shell sets first, for instance `ulimit -n 20`.
    init(
        model: String, _ arguments: [String] = [], limits: String = ":",
        folder: TemporaryFolder? = nil
    ) throws {
        self.folder = try folder ?? TemporaryFolder()
        path = "\(self.folder.path)/socket"
        program = try RunningProgram(
            path: "/bin/sh",
            arguments: (["-c", "\(limits); exec \"$0\" \"$@\"", Program.runEdge.path, model]
                + ["--socket", path] + arguments).map { Array($0.utf8) },
            input: [], environment: [:], output: .captured)
        let line = "run-edge: listening on \(path)\n"
        let deadline = ContinuousClock.now + .seconds(60)
        var said = ""
        while said != line {
            try #require(ContinuousClock.now < deadline, "\(said)")
            usleep(1000)
            said = String(decoding: try program.errorsSoFar(), as: UTF8.self)
        }
    }

    deinit {
        if !hasEnded {
            program.send(SIGKILL)
            _ = try? program.wait(limit: 10)
        }
    }

    func connect() throws -> SocketConnection {
        try SocketConnection(path)
    }

    /// All answers to lines that one client sends.
    func answers(to lines: [UInt8]) throws -> [UInt8] {
        let connection = try connect()
        connection.sendInBackground(lines, thenEnd: true)
        return try connection.receiveAll()
    }

    /// Waits for the end, which something else has caused.
    func wait() throws -> ProgramRun {
        hasEnded = true
        return try program.wait(limit: 60)
    }

    /// Ends the service with a signal, and expects that it leaves nothing.
    func stop(
        _ signal: Int32 = SIGTERM, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        program.send(signal)
        let run = try wait()
        #expect(run.end == .exited(0), "\(run.errorText)", sourceLocation: sourceLocation)
        #expect(run.output.isEmpty, sourceLocation: sourceLocation)
        run.expectOneLine(naming: ["listening on"], sourceLocation: sourceLocation)
        #expect(
            access(path, F_OK) != 0, "the socket is still there", sourceLocation: sourceLocation)
    }

    /// Bytes of memory that the process has at this moment.
    func residentBytes() throws -> Int {
        let text = try String(
            contentsOfFile: "/proc/\(program.processID)/statm", encoding: .utf8)
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}

/// One client of a `SocketService`.
///
/// Nothing waits longer than a minute.
final class SocketConnection: @unchecked Sendable {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = try UnixSocket.make(path) { Glibc.connect($0, $1, $2) }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(
                descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit {
        close(descriptor)
    }

    func send(_ bytes: some Sequence<UInt8>) throws {
        let bytes = Array(bytes)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.map { $0 + done }, $0.count - done,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            done += count
        }
    }

    /// Sends as much as is taken without waiting, and returns how much that was.
    func sendWhatIsTaken(_ bytes: [UInt8]) -> Int {
        max(
            0,
            Glibc.send(
                descriptor, bytes, bytes.count,
                Int32(MSG_NOSIGNAL | MSG_DONTWAIT)))
    }

    /// Sends while somebody else receives; the service takes no more lines than it can answer.
    func sendInBackground(_ bytes: [UInt8], thenEnd: Bool) {
        Thread.detachNewThread { [self] in
            try? send(bytes)
            if thenEnd { endSending() }
        }
    }

    /// Half-closes: there are no more lines, but answers are awaited.
    func endSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// What comes next, at most `count` bytes; empty at the end.
    func receive(_ count: Int = 1 << 16) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &bytes, count, 0)
        guard received >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        return Array(bytes[..<received])
    }

    func receiveAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try receive()
            if bytes.isEmpty { return all }
            all += bytes
        }
    }

    /// The next line with its end, or what there was before the end.
    func receiveLine() throws -> [UInt8] {
        var line: [UInt8] = []
        while line.last != 0x0a {
            let byte = try receive(1)
            if byte.isEmpty { break }
            line += byte
        }
        return line
    }
}

/// Sockets that tests make themselves.
enum UnixSocket {
    /// A stream socket with the path given to `use`, which is `bind` or `connect`.
    static func make(
        _ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws -> Int32 {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                use(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let error = POSIXErrorCode(rawValue: errno) ?? .EIO
            close(descriptor)
            throw POSIXError(error)
        }
        return descriptor
    }

    /// A socket as a process that was killed leaves it.
    static func leaveStale(at path: String) throws {
        close(try make(path) { bind($0, $1, $2) })
    }
}
