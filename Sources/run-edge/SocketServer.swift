import CEdgePlatform
import CommandLineSupport
import EdgeRuntime

/// `--socket`: answers lines of JSON of many clients of a Unix socket.
///
/// One thread waits for all clients and runs the model; lines that are there already are answered
/// together, those of all clients in turn. Everything that a client can make grow has a limit: a
/// client that does not take its answers is not received from, and a line that is too long is
/// dropped.
struct SocketServer {
    private static let maximumClients = 64
    private static let receivedBytes = 1 << 16
    /// How long what was received is still answered after a signal.
    private static let stopNanoseconds: Int64 = 5_000_000_000
    /// How long no connection is accepted where the process has no descriptor for one.
    private static let pauseMilliseconds: Int32 = 100

    private let path: [UInt8]
    private let model: [UInt8]
    private let listener: Int32
    private let stopSignal: Int32
    private var clients: [SocketClient] = []
    private var batch: Batch
    /// Whose lines are in the batch, in its order.
    private var owners: [SocketClient] = []
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
    mutating func run() {
        var buffer = [UInt8](repeating: 0, count: Self.receivedBytes)
        while true {
            exchange(milliseconds: waitingTime, &buffer)
            answer()
            clients.removeAll { client in
                if client.isDone { client.close() }
                return client.isDone
            }
            if let end, clients.isEmpty || edgep_nanoseconds() >= end { return }
        }
    }

    /// How long to wait for clients; −1 for ever.
    private var waitingTime: Int32 {
        if !batch.isEmpty || clients.contains(where: { $0.hasLine }) { return 0 }
        if let end { return Int32(max(0, end - edgep_nanoseconds()) / 1_000_000 + 1) }
        return acceptsPause ? Self.pauseMilliseconds : -1
    }

    /// Receives and sends what is possible, and accepts.
    private mutating func exchange(milliseconds: Int32, _ buffer: inout [UInt8]) {
        var interests = clients.map { $0.interest }
        if end == nil {
            for descriptor in acceptsPause ? [stopSignal] : [stopSignal, listener] {
                interests.append(
                    edgep_interest(
                        descriptor: descriptor, wanted: Int16(EDGEP_READABLE), ready: 0))
            }
        }
        acceptsPause = false
        edgep_wait(&interests, Int32(interests.count), milliseconds)
        for (index, client) in clients.enumerated() {
            let ready = Int(interests[index].ready)
            if ready & EDGEP_GONE != 0 {
                client.close()
                continue
            }
            if ready & EDGEP_WRITABLE != 0 { client.send() }
            if ready & EDGEP_READABLE != 0 {
                let shared = clients.reduce(0) { $0 + $1.sharedBytes } - client.sharedBytes
                client.receive(
                    into: &buffer,
                    limit: max(SocketClient.ownBytes, LineReader.maximumLineBytes - shared))
            }
        }
        let others = interests[min(clients.count, interests.count)...]
        if let last = others.last, others.count == 2, last.ready != 0 { accept() }
        if let first = others.first, first.ready != 0 { stop() }
    }

    private mutating func accept() {
        while true {
            let descriptor = edgep_accept(listener)
            guard descriptor >= 0 else {
                // The listener stays ready where no descriptor is left.
                acceptsPause = descriptor != EDGEP_AGAIN
                return
            }
            let client = SocketClient(descriptor: descriptor)
            if clients.count < Self.maximumClients {
                clients.append(client)
            } else {
                client.refuse(
                    LineFailure("\(Self.maximumClients) clients are connected, more are not served"))
            }
        }
    }

    /// Ends the service: nothing more is accepted or sent to it, what was received is answered.
    private mutating func stop() {
        end = edgep_nanoseconds() + Self.stopNanoseconds
        path.withUnsafeBytes {
            edgep_remove_socket($0.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        edgep_close(listener)
        for client in clients { client.receiveNoMore() }
    }

    /// Answers one batch of lines.
    private mutating func answer() {
        while !batch.isFull, let client = nextClient(), let line = client.takeLine() {
            owners.append(client)
            batch.add(InputSource.input(from: line))
        }
        guard !batch.isEmpty else { return }
        let answers = batch.answer()
        for (answer, client) in zip(answers, owners) {
            switch answer {
            case .success(let response): client.answer(response.json)
            case .failure(let error):
                if error.isOfModel { report(error) }
                client.answer(error.json)
            }
        }
        owners.removeFirst(answers.count)
        for client in clients { client.send() }
    }

    /// The next client that has a line, so that many lines of one do not keep others waiting.
    private mutating func nextClient() -> SocketClient? {
        for _ in clients {
            turn = (turn + 1) % clients.count
            if clients[turn].hasLine { return clients[turn] }
        }
        return nil
    }

    /// Says once that the model is damaged.
    ///
    /// The part that one line needs may be; the others are still answered.
    private mutating func report(_ error: LineFailure) {
        if !hasReportedModel { Console.report("run-edge", Failure(error, model: model).message) }
        hasReportedModel = true
    }
}
