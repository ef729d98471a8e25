/// The members of a JSON object of one file, read with their expected types.
struct JSONFields {
    let file: TokenizerFile
    /// The object's place in the file, empty for the outermost one.
    let path: String
    let value: OrderedJSON

    /// - Throws: if the value is not an object.
    init(
        _ value: OrderedJSON, file: TokenizerFile, path: String = ""
    ) throws(TokenizerSourceError) {
        self.file = file
        self.path = path
        self.value = value
        guard case .object = value else {
            throw .wrongType(
                file: file, name: path.isEmpty ? "its content" : path, expected: "an object",
                found: value.kind)
        }
    }

    var members: [OrderedJSON.Member] {
        if case .object(let members) = value { members } else { [] }
    }

    func name(_ key: StaticString) -> String { path.isEmpty ? "\(key)" : "\(path).\(key)" }

    private func mismatch(
        _ key: StaticString, _ expected: String, _ found: OrderedJSON
    ) -> TokenizerSourceError {
        .wrongType(file: file, name: name(key), expected: expected, found: found.kind)
    }

    func missing(_ key: StaticString) -> TokenizerSourceError {
        .missingField(file: file, name: name(key))
    }

    func object(_ key: StaticString) throws(TokenizerSourceError) -> JSONFields? {
        guard let member = value[key] else { return nil }
        return try JSONFields(member, file: file, path: name(key))
    }

    func array(_ key: StaticString) throws(TokenizerSourceError) -> [OrderedJSON]? {
        guard let member = value[key] else { return nil }
        guard case .array(let elements) = member else { throw mismatch(key, "an array", member) }
        return elements
    }

    func bytes(_ key: StaticString) throws(TokenizerSourceError) -> [UInt8]? {
        guard let member = value[key] else { return nil }
        guard case .string(let bytes) = member else { throw mismatch(key, "a string", member) }
        return bytes
    }

    func string(_ key: StaticString) throws(TokenizerSourceError) -> String? {
        try bytes(key).map { String(decoding: $0, as: UTF8.self) }
    }

    func bool(_ key: StaticString) throws(TokenizerSourceError) -> Bool? {
        guard let member = value[key] else { return nil }
        guard case .bool(let bool) = member else {
            throw mismatch(key, "a truth value", member)
        }
        return bool
    }

    /// A number from 0 on.
    func count(_ key: StaticString) throws(TokenizerSourceError) -> Int? {
        guard let member = value[key] else { return nil }
        guard let integer = member.integer, integer >= 0 else {
            throw mismatch(key, "a whole number from 0 on", member)
        }
        return integer
    }

    func requiredBytes(_ key: StaticString) throws(TokenizerSourceError) -> [UInt8] {
        guard let bytes = try bytes(key) else { throw missing(key) }
        return bytes
    }

    func requiredBool(_ key: StaticString) throws(TokenizerSourceError) -> Bool {
        guard let bool = try bool(key) else { throw missing(key) }
        return bool
    }

    func requiredCount(_ key: StaticString) throws(TokenizerSourceError) -> Int {
        guard let count = try count(key) else { throw missing(key) }
        return count
    }
}
