/// A value of the metadata table.
package enum MetadataValue: Equatable, Sendable {
    /// UTF-8
    case text([UInt8])
    case integer(Int64)
    case texts([[UInt8]])
}

/// Facts about the model by name, sorted by name.
package struct Metadata: Equatable, Sendable {
    package private(set) var entries: [(key: [UInt8], value: MetadataValue)] = []

    package init() {}

    package static func == (a: Metadata, b: Metadata) -> Bool {
        a.entries.count == b.entries.count
            && zip(a.entries, b.entries).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }

    /// Sets a value, keeping the entries sorted.
    package mutating func set(_ key: StaticText, _ value: MetadataValue) {
        let key = key.bytes
        entries.removeAll { $0.key == key }
        let place = entries.firstIndex { key.lexicographicallyPrecedes($0.key) } ?? entries.count
        entries.insert((key, value), at: place)
    }

    package subscript(key: StaticText) -> MetadataValue? {
        let bytes = key.bytes
        for entry in entries where entry.key == bytes { return entry.value }
        return nil
    }

    package func text(_ key: StaticText) throws(FormatError) -> [UInt8] {
        guard case .text(let text)? = self[key] else { throw .missingMetadata(key: key) }
        return text
    }

    init(parsing reader: inout ByteReader) throws(FormatError) {
        let count = try reader.count(
            "metadata count", entryBytes: 4, limit: ContainerLimits.metadataEntries)
        var listTextsLeft = ContainerLimits.metadataListTexts
        for index in 0..<count {
            let key = try reader.text(Int(try reader.u16("metadata key length")), "metadata key")
            if let last = entries.last, !last.key.lexicographicallyPrecedes(key) {
                throw .notAscending(field: "metadata key", index: index)
            }
            let value: MetadataValue
            switch try reader.u8("metadata type") {
            case 1:
                value = .text(try Self.text(&reader))
            case 2:
                value = .integer(Int64(bitPattern: try reader.u64("metadata integer")))
            case 3:
                let textCount = try reader.count(
                    "metadata list count", entryBytes: 4, limit: listTextsLeft)
                listTextsLeft -= textCount
                var texts: [[UInt8]] = []
                for _ in 0..<textCount { texts.append(try Self.text(&reader)) }
                value = .texts(texts)
            case let code:
                throw .unknownCode(field: "metadata type", code: UInt64(code))
            }
            entries.append((key, value))
        }
    }

    func encode(into writer: inout ByteWriter) {
        writer.u32(UInt32(entries.count))
        for (key, value) in entries {
            writer.u16(UInt16(key.count))
            writer.append(key)
            switch value {
            case .text(let text):
                writer.u8(1)
                Self.encode(text, into: &writer)
            case .integer(let integer):
                writer.u8(2)
                writer.u64(UInt64(bitPattern: integer))
            case .texts(let texts):
                writer.u8(3)
                writer.u32(UInt32(texts.count))
                for text in texts { Self.encode(text, into: &writer) }
            }
        }
    }

    private static func text(_ reader: inout ByteReader) throws(FormatError) -> [UInt8] {
        let length = try reader.count(
            "metadata text length", entryBytes: 1, limit: ContainerLimits.directoryBytes)
        return try reader.text(length, "metadata text")
    }

    private static func encode(_ text: [UInt8], into writer: inout ByteWriter) {
        writer.u32(UInt32(text.count))
        writer.append(text)
    }
}
