import CEdgePlatform

/// Writes to the standard streams.
package enum Console {
    /// Writes bytes to standard output; false if nobody reads it any more.
    @discardableResult
    @inline(never)
    package static func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { edgep_write(1, $0.baseAddress, $0.count) } == 0
    }

    /// Writes a line to standard output.
    @discardableResult
    @inline(never)
    package static func writeLine(_ text: String) -> Bool {
        write(Array(text.utf8) + [0x0a])
    }

    /// Writes `program: text` and a line end to standard error.
    @inline(never)
    package static func report(_ program: String, _ text: String) {
        note("\(program): \(text)")
    }

    /// Writes a line to standard error.
    ///
    /// Control characters from file names and inputs are shown
    /// as `?`, so that a message is always one line.
    @inline(never)
    package static func note(_ text: String) {
        let line = text.utf8.map { $0 < 0x20 || $0 == 0x7f ? UInt8(0x3f) : $0 } + [0x0a]
        _ = line.withUnsafeBytes { edgep_write(2, $0.baseAddress, $0.count) }
    }

    package static var errorIsTerminal: Bool {
        edgep_is_terminal(2) != 0
    }

    /// Ends the process.
    package static func exit(_ status: ExitStatus) -> Never {
        edgep_exit(status.rawValue)
    }

    /// The words of the operating system for an errno value.
    package static func text(ofError errno: Int32) -> String {
        guard let text = edgep_error_message(errno) else { return "error \(errno)" }
        return String(cString: text)
    }

    /// The value of an environment variable, or nil where it is not set or empty.
    package static func environment(_ name: StaticString) -> [UInt8]? {
        let key = name.withUTF8Buffer { Array($0) } + [0]
        let value = key.withUnsafeBytes { key in
            edgep_environment(key.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        guard let value, value.pointee != 0 else { return nil }
        return Array(String(cString: value).utf8)
    }
}
