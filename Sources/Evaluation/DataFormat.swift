import Checkpoints
import ModelGraph

/// How the lines of a data set are written.
enum DataFormat {
    case jsonLines
    case plainText

    /// The format that the name of a file tells.
    init(file: String) throws(EvaluationError) {
        switch file.split(separator: "/").last?.split(separator: ".").last {
        case "jsonl": self = .jsonLines
        case "txt": self = .plainText
        default: throw .unknownDataFormat(file: file)
        }
    }

    /// The example of a line, without its line end; nil if the line is blank.
    func example(
        _ line: Slice<UnsafeRawBufferPointer>, number: Int
    ) throws(LineProblem) -> EvaluationExample? {
        let limit = EvaluationSet.maximumLineByteCount
        guard line.count <= limit else { throw .tooLong(byteCount: line.count, limit: limit) }
        if line.allSatisfy({ [0x09, 0x0b, 0x0c, 0x0d, 0x20].contains($0) }) { return nil }
        var bytes = Array(line)
        // Files from Windows end their lines with CR LF.
        if bytes.last == 0x0d { bytes.removeLast() }
        switch self {
        case .plainText:
            if let offset = Self.firstInvalidByte(of: bytes) { throw .notUTF8(offset: offset) }
            return EvaluationExample(line: number, input: .text(bytes, pair: nil))
        case .jsonLines:
            let json: JSONValue
            do {
                json = try JSONValue(parsing: bytes, depthLimit: 32)
            } catch {
                throw .json(error)
            }
            guard let object = json.object else { throw .notAnObject(found: json.kind) }
            let members = LineMembers(object: object)
            return EvaluationExample(
                line: number, input: try members.input(), label: try members.text("label"))
        }
    }

    private static func firstInvalidByte(of bytes: [UInt8]) -> Int? {
        do {
            _ = try UTF8Span(validating: bytes.span)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }
}

/// The members of an object in a `.jsonl` file; null counts as missing.
private struct LineMembers {
    let object: JSONObject

    func input() throws(LineProblem) -> EvaluationExample.Input {
        for name in ["image", "decoder_ids"] where value(name) != nil {
            throw .unsupportedMember(name)
        }
        let text = try self.text("text")
        let pair = try self.text("text_pair")
        let ids = try integers("ids")
        let typeIDs = try integers("type_ids")
        if ids == nil && typeIDs != nil { throw .needs(member: "type_ids", other: "ids") }
        if text == nil && pair != nil { throw .needs(member: "text_pair", other: "text") }
        switch (text, ids) {
        case (.some, .some): throw .textAndIDs
        case (nil, nil): throw .noInput
        case (.some(let text), nil):
            return .text(Array(text.utf8), pair: pair.map { Array($0.utf8) })
        case (nil, .some(let ids)):
            guard !ids.isEmpty else { throw .noTokens }
            if let typeIDs, typeIDs.count != ids.count {
                throw .typeCountMismatch(tokens: ids.count, types: typeIDs.count)
            }
            return .tokens(TokenSequence(ids: ids, typeIDs: typeIDs ?? []))
        }
    }

    func text(_ name: String) throws(LineProblem) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string else {
            throw .wrongType(member: name, expected: "a string", found: value.kind)
        }
        return text
    }

    private func integers(_ name: String) throws(LineProblem) -> [Int32]? {
        guard let value = value(name) else { return nil }
        guard let elements = value.array else {
            throw .wrongType(member: name, expected: "an array of integers", found: value.kind)
        }
        var integers: [Int32] = []
        for (position, element) in elements.enumerated() {
            guard let integer = element.integer else {
                throw .wrongType(
                    member: name, expected: "an array of integers",
                    found: "\(element.kind) at position \(position)")
            }
            guard let narrow = Int32(exactly: integer) else {
                throw .idOutOfRange(member: name, position: position, id: integer)
            }
            integers.append(narrow)
        }
        return integers
    }

    private func value(_ name: String) -> JSONValue? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }
}
