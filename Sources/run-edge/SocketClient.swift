import CEdgePlatform
import CommandLineSupport

/// A place for one connection of a `SocketServer`: lines that came and answers that wait to be
/// taken.
final class SocketClient {
    /// Bytes of lines above which no more are received while one of them can be answered.
    private static let waitingBytes = 1 << 16
    /// Bytes that every client may have of a line whose end is missing; `waitingBytes` and one
    /// reception are never more.
    static let ownBytes = 1 << 17
    /// Bytes of answers above which no more lines are taken or received.
    private static let unsentBytes = 1 << 18

    /// Negative while there is no connection.
    private var descriptor: Int32 = -1
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

    /// Whether another client can have the place.
    ///
    /// Lines of one that went away may still be in a batch.
    var isFree: Bool { descriptor < 0 && openCount == 0 }

    func open(_ descriptor: Int32) {
        self.descriptor = descriptor
        hasEnded = false
    }

    /// Bytes of lines that the client has beyond its own.
    var sharedBytes: Int { max(0, lines.byteCount - Self.ownBytes) }

    private var readsAnswers: Bool { unsent.count - sentCount < Self.unsentBytes }

    /// Whether a line can be taken and answered.
    var hasLine: Bool { lines.hasLine && readsAnswers }

    /// What the server waits for.
    var interest: edgep_interest {
        var wanted = 0
        if !hasEnded, readsAnswers, !lines.hasLine || lines.byteCount < Self.waitingBytes {
            wanted |= Int(EDGEP_READABLE)
        }
        if !unsent.isEmpty { wanted |= Int(EDGEP_WRITABLE) }
        return edgep_interest(descriptor: descriptor, wanted: Int16(wanted), ready: 0)
    }

    /// Sends and receives what is possible, once; a line of more than `limit` bytes is refused.
    func exchange(_ ready: Int16, _ buffer: inout [UInt8], limit: Int) {
        closeIfGone(ready)
        guard descriptor >= 0 else { return }
        if Int(ready) & EDGEP_WRITABLE != 0 { send() }
        if Int(ready) & EDGEP_READABLE == 0 || descriptor < 0 { return }
        let count = edgep_receive(descriptor, &buffer, buffer.count)
        if count > 0 {
            lines.append(buffer[..<Int(count)], limit: limit)
        } else if count == 0 {
            hasEnded = true
            if !isStopping { lines.endLastLine() }
        } else if count != EDGEP_AGAIN {
            close()
        }
    }

    /// Closes the connection where the client has closed it.
    func closeIfGone(_ ready: Int16) {
        if Int(ready) & EDGEP_GONE != 0 { close() }
    }

    /// Lets the client send no more; what it has sent is still answered.
    func receiveNoMore() {
        isStopping = true
        if descriptor >= 0 { edgep_receive_no_more(descriptor) }
    }

    /// The next line that can be answered now.
    func takeLine() -> LineReader.Line? {
        guard hasLine else { return nil }
        openCount += 1
        return lines.next()
    }

    /// Adds the answer to the first line that is not answered yet.
    func answer(_ json: [UInt8]) {
        openCount -= 1
        if descriptor >= 0 { unsent += json + [0x0a] }
    }

    /// Sends what the client takes at this moment; the last of all answers closes the connection.
    func send() {
        if !unsent.isEmpty {
            let count = unsent.withUnsafeBytes {
                edgep_send(descriptor, $0.baseAddress.map { $0 + sentCount }, $0.count - sentCount)
            }
            if count < 0, count != EDGEP_AGAIN { return close() }
            sentCount += max(0, Int(count))
            // Bytes that were taken take no memory for long.
            if unsent.count - sentCount <= sentCount {
                unsent = Array(unsent[sentCount...])
                sentCount = 0
            }
        }
        if hasEnded, !lines.hasLine, openCount == 0, unsent.isEmpty { close() }
    }

    private func close() {
        if descriptor >= 0 { edgep_close(descriptor) }
        descriptor = -1
        lines = LineBuffer()
        unsent = []
        sentCount = 0
    }

    /// Says why a connection is not served, and closes it.
    static func refuse(_ descriptor: Int32, _ reason: LineFailure) {
        let answer = reason.json + [0x0a]
        _ = answer.withUnsafeBytes { edgep_send(descriptor, $0.baseAddress, $0.count) }
        edgep_close(descriptor)
    }
}
