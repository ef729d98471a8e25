import Checkpoints

/// The members of a JSON object of one file, read with their expected types.
struct JSONFields {
    let file: TokenizerFile
    /// The object's place in the file, empty for the outermost one.
    let path: String
    let object: JSONObject

    /// - Throws: if the value is not an object.
    init(
        _ value: JSONValue, file: TokenizerFile, path: String = ""
    ) throws(TokenizerSourceError) {
        guard let object = value.object else {
            throw .wrongType(
                file: file, name: path.isEmpty ? "its content" : path, expected: "an object",
                found: value.kind)
        }
        self.file = file
        self.path = path
        self.object = object
    }

    /// - Throws: if the bytes are not a JSON object.
    init(parsing bytes: [UInt8], file: TokenizerFile) throws(TokenizerSourceError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            switch error {
            case .invalidUTF8: throw .invalidUTF8(file: file)
            case .duplicateName(let name, _): throw .duplicateKey(file: file, key: name)
            default: throw .invalidJSON(file: file, error)
            }
        }
        try self.init(value, file: file)
    }

    /// The member with a key, null counting as absent.
    func value(_ key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func mismatch(
        _ key: String, _ expected: String, _ found: JSONValue
    ) -> TokenizerSourceError {
        .wrongType(file: file, name: name(key), expected: expected, found: found.kind)
    }

    func missing(_ key: String) -> TokenizerSourceError {
        .missingField(file: file, name: name(key))
    }

    func object(_ key: String) throws(TokenizerSourceError) -> JSONFields? {
        guard let value = value(key) else { return nil }
        return try JSONFields(value, file: file, path: name(key))
    }

    func array(_ key: String) throws(TokenizerSourceError) -> [JSONValue]? {
        guard let value = value(key) else { return nil }
        guard let array = value.array else { throw mismatch(key, "an array", value) }
        return array
    }

    func string(_ key: String) throws(TokenizerSourceError) -> String? {
        guard let value = value(key) else { return nil }
        guard let string = value.string else { throw mismatch(key, "a string", value) }
        return string
    }

    func bool(_ key: String) throws(TokenizerSourceError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let bool = value.bool else { throw mismatch(key, "a boolean", value) }
        return bool
    }

    func requiredString(_ key: String) throws(TokenizerSourceError) -> String {
        guard let string = try string(key) else { throw missing(key) }
        return string
    }

    func requiredBool(_ key: String) throws(TokenizerSourceError) -> Bool {
        guard let bool = try bool(key) else { throw missing(key) }
        return bool
    }

    /// A number from 0 on.
    func requiredCount(_ key: String) throws(TokenizerSourceError) -> Int {
        guard let value = value(key) else { throw missing(key) }
        return try count(value, name: name(key))
    }

    /// The number from 0 on that a value of this file must be.
    func count(
        _ value: JSONValue, name: @autoclosure () -> String
    ) throws(TokenizerSourceError) -> Int {
        guard let integer = value.integer, integer >= 0 else {
            throw .wrongType(
                file: file, name: name(), expected: "a whole number from 0 on",
                found: value.integer.map { String($0) } ?? value.kind)
        }
        return integer
    }
}
