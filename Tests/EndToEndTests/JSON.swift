import Foundation
import Testing

/// Reads what the programs print.
enum JSON {
    static func object(_ bytes: some Sequence<UInt8>) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(bytes))
        return try #require(value as? [String: Any])
    }

    static func object(_ line: Substring) throws -> [String: Any] {
        try object(line.utf8)
    }

    /// The numbers of nested arrays, row-major.
    static func numbers(_ value: Any?) -> [Double] {
        if let array = value as? [Any] { return array.flatMap { numbers($0) } }
        return (value as? NSNumber).map { [$0.doubleValue] } ?? []
    }

    /// The floats after `"member":`, as they are written, without reading them as doubles first.
    static func writtenNumbers(_ text: String, member: String) -> [Substring] {
        guard let start = text.range(of: "\"\(member)\":[")?.upperBound else { return [] }
        var depth = 1
        var end = start
        while end < text.endIndex, depth > 0 {
            if text[end] == "[" { depth += 1 }
            if text[end] == "]" { depth -= 1 }
            end = text.index(after: end)
        }
        return text[start..<end].split { "[], ".contains($0) }
    }
}
