/// A JSON value (RFC 8259) whose objects keep their members in order.
///
/// Strings are UTF-8 bytes: Swift's `String` treats canonically equivalent texts as equal, but
/// vocabularies hold such tokens side by side.
indirect enum OrderedJSON: Equatable {
    case null
    case bool(Bool)
    /// The characters of the number.
    case number([UInt8])
    case string([UInt8])
    case array([OrderedJSON])
    case object([Member])

    struct Member: Equatable {
        let key: [UInt8]
        let value: OrderedJSON
    }

    /// The member of an object with a key, null counting as absent.
    subscript(key: StaticString) -> OrderedJSON? {
        guard case .object(let members) = self else { return nil }
        let name = Array("\(key)".utf8)
        for member in members where member.key == name {
            return member.value == .null ? nil : member.value
        }
        return nil
    }

    /// The value of a number without fraction and exponent.
    var integer: Int? {
        guard case .number(let digits) = self else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// What the value is, for error messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
