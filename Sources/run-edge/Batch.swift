import CommandLineSupport

/// Inputs that are answered together.
struct Batch {
    private typealias Input = Result<Responder.Prepared, LineFailure>
    private static let maximumCount = 1024

    private let responder: Responder
    private var inputs: [Input] = []
    private var rowCount = 0
    /// One that did not fit any more.
    private var next: Input?

    init(_ responder: Responder) {
        self.responder = responder
    }

    var isEmpty: Bool { inputs.isEmpty }

    /// Whether no more may be added before those that are here are answered.
    var isFull: Bool { next != nil || inputs.count >= Self.maximumCount }

    mutating func add(_ line: Result<InputLine, LineFailure>) {
        add(
            line.flatMap { line in
                do throws(LineFailure) {
                    return .success(try responder.prepare(line))
                } catch {
                    return .failure(error)
                }
            })
    }

    private mutating func add(_ input: Input) {
        let more = (try? input.get()).map { responder.batchRows($0) } ?? 0
        guard inputs.isEmpty || rowCount + more <= responder.batchLimit else {
            next = input
            return
        }
        rowCount += more
        inputs.append(input)
    }

    /// The answers to the first of the inputs, in their order; one may stay for the next batch.
    mutating func answer() -> [Result<Response, LineFailure>] {
        let answers = responder.respond(to: inputs)
        inputs = []
        rowCount = 0
        if let next {
            self.next = nil
            add(next)
        }
        return answers
    }
}
