import Checkpoints

/// Typed access to the fields of a configuration file.
struct ConfigurationFile {
    let name: String
    let json: JSONValue

    /// A field; nil if it is missing or null.
    func value(_ field: String) -> JSONValue? {
        guard let value = json[field], !value.isNull else { return nil }
        return value
    }

    func string(_ field: String) throws(ModelError) -> String? {
        guard let value = value(field) else { return nil }
        guard let string = value.string else { throw malformed(field, "a string", value) }
        return string
    }

    func bool(_ field: String) throws(ModelError) -> Bool? {
        guard let value = value(field) else { return nil }
        guard let bool = value.bool else { throw malformed(field, "a boolean", value) }
        return bool
    }

    /// An integer that is at least 1.
    func count(_ field: String) throws(ModelError) -> Int? {
        guard let value = value(field) else { return nil }
        guard let integer = value.integer, integer > 0 else {
            throw malformed(field, "a positive integer", value)
        }
        return integer
    }

    func requiredCount(_ field: String) throws(ModelError) -> Int {
        guard let count = try count(field) else {
            throw .malformedField(
                file: name, field: field, expected: "a positive integer", found: "nothing")
        }
        return count
    }

    /// A number that is positive as a float32.
    func positiveNumber(_ field: String) throws(ModelError) -> Float? {
        guard let value = value(field) else { return nil }
        guard let number = value.number.map(Float.init), number > 0, number.isFinite else {
            throw malformed(field, "a positive number", value)
        }
        return number
    }

    /// The strings of an array; empty if it is missing.
    func strings(_ field: String) throws(ModelError) -> [String] {
        guard let value = value(field) else { return [] }
        guard let strings = value.array?.compactMap(\.string), strings.count == value.array?.count
        else {
            throw malformed(field, "an array of strings", value)
        }
        return strings
    }

    func malformed(_ field: String, _ expected: String, _ found: JSONValue) -> ModelError {
        .malformedField(file: name, field: field, expected: expected, found: found.summary)
    }
}

extension JSONValue {
    /// The value, if it is short enough for a message, else its kind.
    fileprivate var summary: String {
        switch self {
        case .integer(let integer): String(integer)
        case .double(let double): String(double)
        case .bool(let bool): String(bool)
        case .string(let string): string.quoted
        case .object, .array, .null: kind
        }
    }
}
