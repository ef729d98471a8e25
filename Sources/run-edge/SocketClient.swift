import CEdgePlatform
import CommandLineSupport

/// One connection of a `SocketServer`: lines that came and answers that wait to be taken.
final class SocketClient {
    /// Bytes of lines above which no more are received while one of them can be answered.
    private static let waitingBytes = 1 << 16
    /// Bytes that every client may have of a line whose end is missing; `waitingBytes` and one
    /// reception are never more.
    static let ownBytes = 1 << 17
    /// Bytes of answers above which no more lines are taken or received.
    private static let unsentBytes = 1 << 18

    /// Negative once the connection is closed.
    private var descriptor: Int32
    private var lines = LineBuffer()
    private var unsent: [UInt8] = []
    /// Bytes at the start of `unsent` that the client has taken.
    private var sentCount = 0
    /// Lines that were taken and are not answered yet.
    private var openCount = 0
    /// Whether the client sends no more.
    private var hasEnded = false
    /// Whether the server stops, so that a last line without its end is not one.
    private var isStopping = false

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Bytes of lines that the client has beyond its own.
    var sharedBytes: Int { max(0, lines.byteCount - Self.ownBytes) }

    private var readsAnswers: Bool { unsent.count - sentCount < Self.unsentBytes }

    /// Whether a line can be taken and answered.
    var hasLine: Bool { lines.hasLine && readsAnswers && descriptor >= 0 }

    /// Whether nothing is left to do.
    var isDone: Bool {
        descriptor < 0 || (hasEnded && !lines.hasLine && openCount == 0 && unsent.isEmpty)
    }

    /// What the server waits for.
    var interest: edgep_interest {
        var wanted = 0
        if !hasEnded, readsAnswers, !lines.hasLine || lines.byteCount < Self.waitingBytes {
            wanted |= Int(EDGEP_READABLE)
        }
        if !unsent.isEmpty { wanted |= Int(EDGEP_WRITABLE) }
        return edgep_interest(descriptor: descriptor, wanted: Int16(wanted), ready: 0)
    }

    /// Receives what is there, once; a line of more than `limit` bytes is refused.
    func receive(into buffer: inout [UInt8], limit: Int) {
        let count = edgep_receive(descriptor, &buffer, buffer.count)
        if count > 0 {
            lines.append(buffer[..<Int(count)], limit: limit)
        } else if count == 0 {
            hasEnded = true
            if !isStopping { lines.endLastLine() }
        } else if count != Int64(EDGEP_AGAIN) {
            close()
        }
    }

    /// Lets the client send no more; what it has sent is still answered.
    func receiveNoMore() {
        isStopping = true
        edgep_receive_no_more(descriptor)
    }

    func takeLine() -> LineReader.Line? {
        openCount += 1
        return lines.next()
    }

    /// Adds the answer to the first line that is not answered yet.
    func answer(_ json: [UInt8]) {
        openCount -= 1
        guard descriptor >= 0 else { return }
        unsent += json
        unsent.append(0x0a)
    }

    /// Sends what the client takes at this moment.
    func send() {
        guard descriptor >= 0, !unsent.isEmpty else { return }
        let count = unsent.withUnsafeBytes {
            edgep_send(descriptor, $0.baseAddress.map { $0 + sentCount }, $0.count - sentCount)
        }
        if count >= 0 {
            sentCount += Int(count)
            // Bytes that were taken take no memory for long.
            if unsent.count - sentCount <= sentCount {
                unsent = Array(unsent[sentCount...])
                sentCount = 0
            }
        } else if count != Int64(EDGEP_AGAIN) {
            close()
        }
    }

    /// Says why the client is not served, and closes the connection.
    func refuse(_ reason: LineFailure) {
        openCount += 1
        answer(reason.json)
        send()
        close()
    }

    func close() {
        if descriptor >= 0 { edgep_close(descriptor) }
        descriptor = -1
        lines = LineBuffer()
        unsent = []
    }
}
