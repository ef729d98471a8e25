import CEdgePlatform
import CommandLineSupport
import EdgeRuntime

/// `--socket`: answers lines of JSON of many clients of a Unix socket.
///
/// One thread waits for all clients and runs the model; lines that are there already are answered
/// together, those of all clients in turn. Everything that a client can make grow has a limit: a
/// client that does not take its answers is not received from, and a line that is too long is
/// dropped.
final class SocketServer {
    private static let maximumClients = 64
    private static let receivedBytes = 1 << 16
    /// Why a line is dropped.
    ///
    /// All clients together have as much memory for long lines as one line may take.
    private static var tooLong: LineFailure {
        LineFailure(
            "the line is longer than what other clients' lines leave of "
                + "\(LineReader.maximumLineBytes) bytes")
    }
    /// How long what was received is still answered after a signal.
    private static let stopNanoseconds: Int64 = 5_000_000_000
    /// How long no connection is accepted where the process has no descriptor for one.
    private static let pauseMilliseconds: Int32 = 100

    private let path: [UInt8]
    private let model: [UInt8]
    private let listener: Int32
    private let stopSignal: Int32
    /// All that there can be; those without a connection are free.
    private let clients: [SocketClient]
    private var interests: [edgep_interest]
    private var batch: Batch
    /// Whose lines are in the batch, in its order, as indices of clients.
    private var owners: [Int] = []
    /// The client whose line was taken last.
    private var turn = 0
    private var acceptsPause = false
    private var hasReportedModel = false
    /// When to end, once that was asked.
    private var end: Int64?

    /// Refuses a path that no socket can have.
    static func check(_ path: [UInt8]) throws(Failure) {
        let limit = EDGEP_SOCKET_PATH_BYTES
        guard 1...limit ~= path.count else {
            let name = String(decoding: path, as: UTF8.self)
            throw Failure(
                "option --socket: the path '\(name)' has \(path.count) bytes, that of a socket "
                    + "1…\(limit)", .wrongUsage)
        }
    }

    /// Listens at a path, which `check` has passed, with a socket that only this user may connect to.
    init(_ path: [UInt8], _ responder: Responder, model: [UInt8]) throws(Failure) {
        self.path = path + [0]
        clients = (0..<Self.maximumClients).map { _ in SocketClient() }
        let none = edgep_interest(descriptor: -1, wanted: Int16(EDGEP_READABLE), ready: 0)
        interests = [edgep_interest](repeating: none, count: Self.maximumClients + 2)
        self.model = model
        batch = Batch(responder)
        stopSignal = edgep_stop_signals()
        listener = self.path.withUnsafeBytes {
            edgep_listen($0.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        let name = String(decoding: path, as: UTF8.self)
        let result = Int(min(listener, stopSignal))
        guard result >= 0 else {
            let reason =
                switch result {
                case EDGEP_IN_USE: "somebody listens there already"
                case EDGEP_NOT_A_SOCKET: "is there already and is not a socket"
                default: Console.text(ofError: Int32(-result))
                }
            throw Failure("\(name): \(reason)", .wrongUsage)
        }
        Console.report("run-edge", "listening on \(name)")
    }

    /// Answers until SIGTERM or SIGINT comes, and then what was received completely.
    func run() {
        var buffer = [UInt8](repeating: 0, count: Self.receivedBytes)
        while true {
            wait()
            var shared = 0
            for client in clients { shared += client.sharedBytes }
            for index in clients.indices {
                let client = clients[index]
                let own = client.sharedBytes
                client.exchange(
                    interests[index].ready, &buffer,
                    limit: max(SocketClient.ownBytes, LineReader.maximumLineBytes - shared + own))
                shared += client.sharedBytes - own
            }
            if interests[Self.maximumClients].ready != 0 { accept() }
            if interests[Self.maximumClients + 1].ready != 0 { stop() }
            answer()
            if let end, edgep_nanoseconds() >= end || clients.allSatisfy({ $0.isFree }) { return }
        }
    }

    /// Waits for a client or a signal, unless there is something to answer.
    private func wait() {
        var time: Int32 = acceptsPause ? Self.pauseMilliseconds : -1
        if let end { time = Int32(max(0, end - edgep_nanoseconds()) / 1_000_000 + 1) }
        if !batch.isEmpty { time = 0 }
        for (index, client) in clients.enumerated() {
            interests[index] = client.interest
            if client.hasLine { time = 0 }
        }
        // Negative descriptors are not waited for.
        interests[Self.maximumClients].descriptor = end != nil || acceptsPause ? -1 : listener
        interests[Self.maximumClients + 1].descriptor = end != nil ? -1 : stopSignal
        acceptsPause = false
        edgep_wait(&interests, Int32(interests.count), time)
    }

    private func accept() {
        while true {
            let descriptor = edgep_accept(listener)
            guard descriptor >= 0 else {
                // The listener stays ready where no descriptor is left.
                acceptsPause = descriptor != EDGEP_AGAIN
                return
            }
            if let client = freeClient() {
                client.open(descriptor)
            } else {
                SocketClient.refuse(
                    descriptor,
                    LineFailure("\(Self.maximumClients) clients are connected, more are not served")
                )
            }
        }
    }

    /// A place without a connection.
    private func freeClient() -> SocketClient? {
        if let client = clients.first(where: { $0.isFree }) { return client }
        // A client may have gone between the look at it and that at the listener, before the new one
        // connected: it has its place.
        for index in clients.indices { interests[index] = clients[index].interest }
        edgep_wait(&interests, Int32(clients.count), 0)
        for index in clients.indices { clients[index].closeIfGone(interests[index].ready) }
        return clients.first(where: { $0.isFree })
    }

    /// Ends the service: nothing more is accepted or sent to it, what was received is answered.
    private func stop() {
        end = edgep_nanoseconds() + Self.stopNanoseconds
        path.withUnsafeBytes {
            edgep_remove_socket($0.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        edgep_close(listener)
        for client in clients { client.receiveNoMore() }
    }

    /// Answers one batch of lines, of each client in turn, so that many of one keep no other waiting.
    private func answer() {
        var idle = 0
        while !batch.isFull, idle < clients.count {
            turn = (turn + 1) % clients.count
            idle += 1
            guard let line = clients[turn].takeLine() else { continue }
            idle = 0
            owners.append(turn)
            batch.add(
                line == .tooLong ? .failure(Self.tooLong) : InputSource.input(from: line))
        }
        let answers = batch.answer()
        for (index, answer) in answers.enumerated() {
            let client = clients[owners[index]]
            switch answer {
            case .success(let response): client.answer(response.json)
            case .failure(let error):
                if error.isOfModel { report(error) }
                client.answer(error.json)
            }
        }
        owners = Array(owners[answers.count...])
        for client in clients { client.send() }
    }

    /// Says once that the model is damaged.
    ///
    /// The part that one line needs may be; the others are still answered.
    private func report(_ error: LineFailure) {
        if !hasReportedModel { Console.report("run-edge", Failure(error, model: model).message) }
        hasReportedModel = true
    }
}
