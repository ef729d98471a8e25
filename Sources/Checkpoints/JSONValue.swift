/// A JSON value (RFC 8259) with the order of members kept.
///
/// Strings compare as Swift strings do, that is by canonical equivalence; where code points matter,
/// as in vocabularies, compare their `utf8` views.
package enum JSONValue: Equatable, Sendable {
    case object(JSONObject)
    case array([JSONValue])
    case string(String)
    /// A number written without fraction or exponent that fits.
    case integer(Int64)
    /// Any other number.
    case double(Double)
    case bool(Bool)
    case null

    /// Parses one JSON document.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8.
    ///   - depthLimit: How deep arrays and objects may nest.
    ///   - valueLimit: How many values may be kept; bounds the memory that hostile text takes.
    /// - Throws: The first rule of the grammar that the text breaks, or a name that an object has
    ///   twice.
    package init(
        parsing bytes: [UInt8], depthLimit: Int = 128, valueLimit: Int = 1 << 23
    ) throws(JSONError) {
        let result = bytes.withUnsafeBytes { buffer -> Swift.Result<JSONValue, JSONError> in
            do throws(JSONError) {
                var reader = try JSONReader(buffer, depthLimit: depthLimit)
                var budget = valueLimit
                let value = try reader.readValue(budget: &budget)
                try reader.finish()
                return .success(value)
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// The member with this name, if this is an object that has one.
    package subscript(name: String) -> JSONValue? {
        if case .object(let object) = self { object[name] } else { nil }
    }

    package var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    package var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    package var string: String? {
        if case .string(let string) = self { string } else { nil }
    }

    /// The integer, if this is one.
    package var integer: Int? {
        if case .integer(let integer) = self { Int(exactly: integer) } else { nil }
    }

    /// The number, whether written as an integer or not.
    package var number: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .double(let double): double
        default: nil
        }
    }

    package var bool: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }

    package var isNull: Bool {
        self == .null
    }

    /// What kind of value this is, with its article, for messages.
    package var kind: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .integer: "an integer"
        case .double: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}
