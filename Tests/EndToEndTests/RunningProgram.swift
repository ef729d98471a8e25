import Foundation
import Glibc

/// A process that a test started.
///
/// Its streams are files, so that neither side waits for the other.
final class RunningProgram {
    enum Output {
        case captured
        /// A pipe that nobody reads any more.
        case closedPipe
    }

    let processID: pid_t
    private let output: ScratchFile
    private let errors: ScratchFile

    /// Starts a program with the signal settings of a fresh shell.
    init(
        path: String, arguments: [[UInt8]], input: [UInt8], environment: [String: String],
        output kind: Output
    ) throws {
        let stdin = try ScratchFile(input)
        let output = try ScratchFile([])
        let errors = try ScratchFile([])
        self.output = output
        self.errors = errors
        var stdout = output.descriptor
        if case .closedPipe = kind { stdout = try Self.openClosedPipe() }
        defer { if stdout != output.descriptor { close(stdout) } }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, stdin.descriptor, 0)
        posix_spawn_file_actions_adddup2(&actions, stdout, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.descriptor, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        var variables = ProcessInfo.processInfo.environment
        variables["ATTENUATE_ISA"] = nil
        variables.merge(environment) { _, given in given }
        let entries = variables.map { Array("\($0.key)=\($0.value)".utf8) }
        var pid: pid_t = 0
        let status = Self.withCStrings([Array(path.utf8)] + arguments) { arguments in
            Self.withCStrings(entries) { environment in
                var status = posix_spawn(&pid, path, &actions, &attributes, arguments, environment)
                // A file that a test has just written is busy while a process that another test
                // starts has not let go of it.
                for _ in 0..<1000 where status == ETXTBSY {
                    usleep(5_000)
                    status = posix_spawn(
                        &pid, path, &actions, &attributes, arguments, environment)
                }
                return status
            }
        }
        guard status == 0 else {
            throw POSIXError(
                POSIXErrorCode(rawValue: status) ?? .EIO, userInfo: [NSFilePathErrorKey: path])
        }
        processID = pid
    }

    func send(_ signal: Int32) {
        kill(processID, signal)
    }

    /// What the process has written to standard error until now.
    func errorsSoFar() throws -> [UInt8] {
        try errors.contents()
    }

    /// Waits for the end; kills the process after `limit` seconds.
    func wait(limit: Double) throws -> ProgramRun {
        var status: Int32 = 0
        var isLate = false
        let deadline = ContinuousClock.now + .seconds(limit)
        while true {
            let ended = waitpid(processID, &status, WNOHANG)
            if ended == processID { break }
            if ended < 0 && errno != EINTR { throw POSIXError(.ECHILD) }
            if !isLate && ContinuousClock.now > deadline {
                isLate = true
                send(SIGKILL)
            }
            usleep(500)
        }
        let signal = status & 0x7f
        let end: ProgramRun.End =
            isLate ? .timedOut : signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal)
        return ProgramRun(end: end, output: try output.contents(), errors: try errors.contents())
    }

    /// The writing end of a pipe without a reader.
    private static func openClosedPipe() throws -> Int32 {
        // Unlike those of pipe(), the ends of a named pipe never leak into other processes.
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString)").path
        guard mkfifo(path, 0o600) == 0 else { throw POSIXError(.EIO) }
        defer { unlink(path) }
        let both = open(path, O_RDWR | O_CLOEXEC)
        defer { close(both) }
        let end = open(path, O_WRONLY | O_CLOEXEC)
        guard end >= 0 else { throw POSIXError(.EIO) }
        return end
    }

    private static func withCStrings<Result>(
        _ strings: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { string in
            let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: string.count + 1)
            for (index, byte) in string.enumerated() { pointer[index] = CChar(bitPattern: byte) }
            pointer[string.count] = 0
            return pointer
        }
        defer { for pointer in pointers { pointer?.deallocate() } }
        pointers.append(nil)
        defer { pointers.removeLast() }
        return body(pointers)
    }
}

/// A file without a name, which goes away when it is closed.
private final class ScratchFile {
    let descriptor: Int32

    init(_ bytes: [UInt8]) throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString)").path
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(.EIO) }
        unlink(path)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            guard count > 0 else { throw POSIXError(.EIO) }
            done += count
        }
        lseek(descriptor, 0, SEEK_SET)
    }

    deinit {
        close(descriptor)
    }

    func contents() throws -> [UInt8] {
        let size = Int(lseek(descriptor, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: size)
        var done = 0
        while done < size {
            let count = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress.map { $0 + done }, size - done, off_t(done))
            }
            guard count > 0 else { throw POSIXError(.EIO) }
            done += count
        }
        return bytes
    }
}
