import Glibc
import Synchronization

/// Temporary files to remove when the program is interrupted.
final class InterruptedFiles: Sendable {
    static let shared = InterruptedFiles()

    /// Paths as C strings that live until they are removed; read by the signal handler.
    private static let capacity = 8
    nonisolated(unsafe) private static let paths = {
        let paths = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: capacity)
        paths.initialize(repeating: nil, count: capacity)
        return paths
    }()
    private let lock = Mutex(())

    private init() {
        _ = Self.paths
        for number in [SIGINT, SIGTERM, SIGHUP] {
            // What the caller ignores, as nohup does with SIGHUP, stays ignored.
            var current = sigaction()
            sigaction(number, nil, &current)
            if unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_IGN, to: Int.self)
            {
                continue
            }
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                for index in 0..<InterruptedFiles.capacity {
                    if let path = InterruptedFiles.paths[index] { unlink(path) }
                }
                signal(number, SIG_DFL)
                raise(number)
            }
            sigaction(number, &action, nil)
        }
    }

    func add(_ path: String) {
        lock.withLock { _ in
            for index in 0..<Self.capacity where Self.paths[index] == nil {
                Self.paths[index] = strdup(path)
                return
            }
        }
    }

    func remove(_ path: String) {
        lock.withLock { _ in
            for index in 0..<Self.capacity {
                guard let stored = Self.paths[index], strcmp(stored, path) == 0 else { continue }
                // The handler may be reading the text: it is never freed, and there are few.
                Self.paths[index] = nil
            }
        }
    }
}
