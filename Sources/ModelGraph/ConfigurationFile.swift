import Checkpoints

/// Typed access to the fields of a configuration file.
struct ConfigurationFile {
    let name: String
    let json: JSONValue
    /// What messages put in front of the names of fields, for those of an object in the file.
    var prefix = ""

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

    /// An integer that is at least 0.
    func natural(_ field: String) throws(ModelError) -> Int? {
        guard let value = value(field) else { return nil }
        guard let integer = value.integer, integer >= 0 else {
            throw malformed(field, "an integer that is not negative", value)
        }
        return integer
    }

    func requiredCount(_ field: String) throws(ModelError) -> Int {
        guard let count = try count(field) else {
            throw missing(field, "a positive integer")
        }
        return count
    }

    /// A number that is positive as a float32.
    func positiveNumber(_ field: String) throws(ModelError) -> Float? {
        try positiveDouble(field).map { Float($0) }
    }

    /// A number that is positive as a float32, with all of its digits.
    func positiveDouble(_ field: String) throws(ModelError) -> Double? {
        guard let value = value(field) else { return nil }
        guard let number = value.number, Float(number) > 0, Float(number).isFinite else {
            throw malformed(field, "a positive number", value)
        }
        return number
    }

    func requiredDouble(_ field: String) throws(ModelError) -> Double {
        guard let number = try positiveDouble(field) else {
            throw missing(field, "a positive number")
        }
        return number
    }

    /// The positive numbers of an array that must be there.
    func requiredDoubles(_ field: String) throws(ModelError) -> [Double] {
        guard let value = value(field) else { throw missing(field, "an array of numbers") }
        let numbers = value.array?.compactMap(\.number) ?? []
        guard let count = value.array?.count, numbers.count == count,
            numbers.allSatisfy({ Float($0) > 0 && Float($0).isFinite })
        else {
            throw malformed(field, "an array of positive numbers", value)
        }
        return numbers
    }

    /// The fields of an object; nil if it is missing or null.
    func object(_ field: String) throws(ModelError) -> ConfigurationFile? {
        guard let value = value(field) else { return nil }
        guard value.object != nil else { throw malformed(field, "an object", value) }
        return ConfigurationFile(name: name, json: value, prefix: prefix + field + ".")
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
        .malformedField(
            file: name, field: prefix + field, expected: expected, found: found.summary)
    }

    func missing(_ field: String, _ expected: String) -> ModelError {
        .malformedField(file: name, field: prefix + field, expected: expected, found: "nothing")
    }

    func unsupported(_ field: String, _ value: String, _ supported: String) -> ModelError {
        .unsupportedValue(file: name, field: prefix + field, value: value, supported: supported)
    }

    /// - Throws: `contradiction` if the field has another number.
    func expect(_ field: String, toBe found: Int) throws(ModelError) {
        if let configured = try count(field), configured != found {
            throw .contradiction(field: prefix + field, configured: configured, found: found)
        }
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
