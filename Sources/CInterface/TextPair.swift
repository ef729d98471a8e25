import CAttenuate
import EdgeFormat

/// A text of the caller, and a second one if there is one.
struct TextPair {
    let text: [UInt8]
    let pair: [UInt8]?

    init(
        _ text: UnsafePointer<CChar>?, _ textLength: Int, _ pair: UnsafePointer<CChar>?,
        _ pairLength: Int
    ) throws(Refusal) {
        guard let text else { throw .argument("text is null") }
        self.text = try Self.bytes(text, textLength, "text")
        if let pair {
            self.pair = try Self.bytes(pair, pairLength, "pair")
        } else if pairLength != 0 {
            throw .argument("pair is null and pair_length is not 0")
        } else {
            self.pair = nil
        }
    }

    private static func bytes(
        _ start: UnsafePointer<CChar>, _ length: Int, _ name: String
    ) throws(Refusal) -> [UInt8] {
        // What is negative here is more than half of all addresses in C.
        guard length >= 0 else {
            throw .argument("the length of \(name) is \(UInt(bitPattern: length))")
        }
        guard length <= ATTENUATE_MAXIMUM_TEXT_BYTES else {
            throw Refusal(
                ATTENUATE_INVALID_TEXT,
                "\(name) has \(length) bytes, the limit is "
                    + "\(ATTENUATE_MAXIMUM_TEXT_BYTES)")
        }
        let bytes = Array(UnsafeRawBufferPointer(start: start, count: length))
        guard isValidUTF8(bytes) else {
            throw Refusal(ATTENUATE_INVALID_TEXT, "\(name) is not valid UTF-8")
        }
        return bytes
    }
}
