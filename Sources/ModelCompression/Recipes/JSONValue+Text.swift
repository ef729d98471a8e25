import Checkpoints

extension JSONValue {
    /// The value as JSON on one line, members in their order.
    var compactText: String {
        switch self {
        case .object(let object):
            "{"
                + object.members.map { "\(Self.quoted($0.name)):\($0.value.compactText)" }
                .joined(separator: ",") + "}"
        case .array(let elements):
            "[" + elements.map(\.compactText).joined(separator: ",") + "]"
        case .string(let text): Self.quoted(text)
        case .integer(let integer): "\(integer)"
        case .double(let double): "\(double)"
        case .bool(let bool): bool ? "true" : "false"
        case .null: "null"
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
