/// A JSON value that keeps the order of its members.
enum JSONText {
    case object([(name: String, value: JSONText)])
    case array([JSONText])
    case string(String)
    case integer(Int)
    case number(Double)
    case null

    static func optional(_ text: String?) -> JSONText {
        text.map { .string($0) } ?? .null
    }

    static func optional(_ number: Double?) -> JSONText {
        number.map { .number($0) } ?? .null
    }

    /// The value with two spaces for each level, in UTF-8 that needs no escapes but the required.
    var rendered: String {
        var text = ""
        render(into: &text, indentation: "")
        return text + "\n"
    }

    private func render(into text: inout String, indentation: String) {
        switch self {
        case .object(let members):
            Self.renderList(members, "{", "}", into: &text, indentation) { member, text, inner in
                Self.quote(member.name, into: &text)
                text += ": "
                member.value.render(into: &text, indentation: inner)
            }
        case .array(let elements):
            Self.renderList(elements, "[", "]", into: &text, indentation) { element, text, inner in
                element.render(into: &text, indentation: inner)
            }
        case .string(let string):
            Self.quote(string, into: &text)
        case .integer(let integer):
            text += String(integer)
        case .number(let number):
            // JSON has no NaN and no infinity.
            text += number.isFinite ? number.description : "null"
        case .null:
            text += "null"
        }
    }

    private static func renderList<Element>(
        _ elements: [Element], _ open: String, _ close: String, into text: inout String,
        _ indentation: String, _ render: (Element, inout String, String) -> Void
    ) {
        guard !elements.isEmpty else {
            text += open + close
            return
        }
        let inner = indentation + "  "
        text += open
        for (index, element) in elements.enumerated() {
            text += (index == 0 ? "\n" : ",\n") + inner
            render(element, &text, inner)
        }
        text += "\n" + indentation + close
    }

    private static func quote(_ string: String, into text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20:
                text += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
