import CAttenuate
import CEdgePlatform
import EdgeFormat
import EdgeRuntime

/// Why a call fails: what the caller is told.
struct Refusal: Error {
    let status: attenuate_status
    /// One English sentence.
    let message: String

    /// - Parameter status: one of the constants of the header, which come as `Int`.
    init(_ status: Int, _ message: String) {
        self.status = attenuate_status(status)
        self.message = message
    }

    init(_ error: RuntimeError) {
        switch error {
        case .file(let errno):
            let words = edgep_error_message(errno).map { String(cString: $0) }
            self.init(ATTENUATE_FILE, words ?? error.message)
        case .outOfMemory, .format(.outOfMemory):
            self.init(ATTENUATE_OUT_OF_MEMORY, error.message)
        case .format, .tokenizer:
            self.init(ATTENUATE_INVALID_MODEL, error.message)
        case .unknownInstructionSet, .unsupportedInstructionSet:
            self.init(ATTENUATE_INSTRUCTION_SET, error.message)
        case .threads:
            self.init(ATTENUATE_THREADS, error.message)
        case .overMemoryLimit:
            self.init(ATTENUATE_OVER_MEMORY_LIMIT, error.message)
        case .emptyInput, .tooManyTokens, .tokenOutOfRange, .typeOutOfRange, .wrongTypeCount,
            .overBatch:
            self.init(ATTENUATE_INVALID_TOKENS, error.message)
        case .notFinite:
            self.init(ATTENUATE_NOT_FINITE, error.message)
        case .noSuchOutput:
            self.init(ATTENUATE_UNSUPPORTED, error.message)
        case .noTokenizer:
            self.init(ATTENUATE_UNSUPPORTED, "the model has no tokenizer; give it token ids")
        }
    }

    static func argument(_ message: String) -> Refusal {
        Refusal(ATTENUATE_INVALID_ARGUMENT, message)
    }
}

/// Calls `body` and tells the caller how it ended.
func status(
    _ told: UnsafeMutablePointer<attenuate_error>?, _ body: () throws(Refusal) -> Void
) -> attenuate_status {
    do throws(Refusal) {
        try body()
        tell("", in: told)
        return attenuate_status(ATTENUATE_OK)
    } catch {
        tell(error.message, in: told)
        return error.status
    }
}

/// Writes one line that fits, cut between characters, and the zero byte at its end.
private func tell(_ message: String, in told: UnsafeMutablePointer<attenuate_error>?) {
    guard let told else { return }
    let room = UnsafeMutableRawBufferPointer(
        start: told, count: MemoryLayout<attenuate_error>.size)
    var text = Array(message.utf8)
    if text.count >= room.count {
        var end = room.count - 1
        while end > 0, text[end] & 0xc0 == 0x80 { end -= 1 }
        text.removeLast(text.count - end)
    }
    for (index, byte) in text.enumerated() {
        room[index] = byte < 0x20 || byte == 0x7f ? 0x3f : byte
    }
    room[text.count] = 0
}
