import Checkpoints

extension TokenizerSource {
    /// Reads the templates that put special tokens around texts.
    mutating func readPostProcessor(_ fields: JSONFields) throws(TokenizerSourceError) {
        let type = try fields.string("type") ?? "null"
        switch type {
        case "ByteLevel":
            // It moves offsets only.
            return
        case "Sequence":
            try readPostProcessors(fields)
            return
        case "TemplateProcessing":
            single = try template("single", fields)
            pair = try template("pair", fields)
        case "BertProcessing":
            let (start, end) = try ends(fields)
            single = [.token(id: start, typeID: 0), .first(typeID: 0), .token(id: end, typeID: 0)]
            pair = single + [.second(typeID: 1), .token(id: end, typeID: 1)]
        case "RobertaProcessing":
            let (start, end) = try ends(fields)
            let separator = TemplatePiece.token(id: end, typeID: 0)
            single = [.token(id: start, typeID: 0), .first(typeID: 0), separator]
            pair = single + [separator, .second(typeID: 0), separator]
        default:
            throw .unsupportedPostProcessor(found: type)
        }
        guard Self.uses(single) == (1, 0) else { throw .wrongTemplate(name: "single") }
        guard Self.uses(pair) == (1, 1) else { throw .wrongTemplate(name: "pair") }
    }

    /// Reads a sequence of post-processors, of which one may put tokens around texts.
    private mutating func readPostProcessors(
        _ fields: JSONFields
    ) throws(TokenizerSourceError) {
        guard let elements = try fields.array("processors") else {
            throw .unsupportedPostProcessor(found: "Sequence")
        }
        var types: [String] = []
        for element in elements {
            let processor = try JSONFields(
                element, file: .tokenizer, path: fields.name("processors"))
            let type = try processor.string("type") ?? "null"
            if type != "ByteLevel" { types.append(type) }
            guard types.count <= 1, type != "Sequence" else {
                throw .unsupportedPostProcessor(
                    found: "Sequence[\(types.joined(separator: ", "))]")
            }
            try readPostProcessor(processor)
        }
    }

    private static func uses(_ template: [TemplatePiece]) -> (first: Int, second: Int) {
        var uses = (first: 0, second: 0)
        for piece in template {
            switch piece {
            case .first: uses.first += 1
            case .second: uses.second += 1
            case .token: break
            }
        }
        return uses
    }

    /// The ids of the start and end token, each written as `[token, id]`.
    private func ends(_ fields: JSONFields) throws(TokenizerSourceError) -> (Int, Int) {
        func id(_ key: String) throws(TokenizerSourceError) -> Int {
            guard let parts = try fields.array(key) else { throw fields.missing(key) }
            guard parts.count == 2, let token = parts[0].string,
                let id = parts[1].integer
            else {
                throw .wrongType(
                    file: .tokenizer, name: fields.name(key), expected: "a token and its id",
                    found: "another array")
            }
            return try checked(id, token)
        }
        return (try id("cls"), try id("sep"))
    }

    private func checked(_ id: Int, _ token: String) throws(TokenizerSourceError) -> Int {
        guard id >= 0, id < vocabularySize else {
            throw .templateIDMissing(
                token: token, id: id, tokenCount: vocabularySize)
        }
        return id
    }

    private func template(
        _ key: String, _ fields: JSONFields
    ) throws(TokenizerSourceError) -> [TemplatePiece] {
        guard let elements = try fields.array(key) else { throw fields.missing(key) }
        var pieces: [TemplatePiece] = []
        for element in elements {
            let piece = try JSONFields(element, file: .tokenizer, path: fields.name(key))
            if let sequence = try piece.object("Sequence") {
                let typeID = try sequence.requiredCount("type_id")
                switch try sequence.string("id") {
                case "A": pieces.append(.first(typeID: typeID))
                case "B": pieces.append(.second(typeID: typeID))
                default: throw .wrongTemplate(name: key)
                }
            } else if let token = try piece.object("SpecialToken") {
                let typeID = try token.requiredCount("type_id")
                for id in try specialIDs(token.requiredString("id"), fields) {
                    pieces.append(.token(id: id, typeID: typeID))
                }
            } else {
                throw .wrongTemplate(name: key)
            }
        }
        return pieces
    }

    private func specialIDs(
        _ token: String, _ fields: JSONFields
    ) throws(TokenizerSourceError) -> [Int] {
        guard let entry = try fields.object("special_tokens")?.object[token] else {
            throw .templateTokenMissing(token: token)
        }
        let entryFields = try JSONFields(
            entry, file: .tokenizer, path: fields.name("special_tokens"))
        guard let elements = try entryFields.array("ids") else {
            throw entryFields.missing("ids")
        }
        var ids: [Int] = []
        for element in elements {
            guard let id = element.integer else {
                throw .wrongType(
                    file: .tokenizer, name: entryFields.name("ids"),
                    expected: "an array of whole numbers", found: element.kind)
            }
            ids.append(try checked(id, token))
        }
        return ids
    }
}
