import Testing

@testable import EdgeTokenizer
@testable import Packaging

/// A valid blob, cut into its parts, to be put together with one part changed.
struct BlobEditor {
    var header: [UInt8]
    var sections: [(section: TokenizerSection, bytes: [UInt8])] = []

    init(_ blob: [UInt8]) throws {
        header = [UInt8](blob[..<20])
        for index in 0..<Int(BlobReader.uint32(blob, 20)) {
            let entry = 24 + index * 12
            let section = try #require(TokenizerSection(rawValue: BlobReader.uint32(blob, entry)))
            let start = Int(BlobReader.uint32(blob, entry + 4))
            let size = Int(BlobReader.uint32(blob, entry + 8))
            sections.append((section, [UInt8](blob[start..<start + size])))
        }
    }

    /// The blob of the parts.
    var bytes: [UInt8] {
        var directory: [UInt8] = []
        var content: [UInt8] = []
        let start = 24 + sections.count * 12
        for (section, bytes) in sections {
            directory += Self.words([
                section.rawValue, UInt32(start + content.count), UInt32(bytes.count),
            ])
            content += bytes
            while content.count % 4 != 0 { content.append(0) }
        }
        var blob = header + Self.words([UInt32(sections.count)]) + directory + content
        blob.replaceSubrange(8..<12, with: Self.words([UInt32(blob.count)]))
        return blob
    }

    func replacingSection(_ section: TokenizerSection, with bytes: [UInt8]) -> BlobEditor {
        var editor = self
        for index in editor.sections.indices where editor.sections[index].section == section {
            editor.sections[index].bytes = bytes
        }
        return editor
    }

    /// Sets a 32-bit number of a section.
    func setting(_ section: TokenizerSection, at offset: Int, to value: UInt32) -> BlobEditor {
        var bytes = self[section]
        bytes.replaceSubrange(offset..<offset + 4, with: Self.words([value]))
        return replacingSection(section, with: bytes)
    }

    /// Sets a byte of a section.
    func setting(_ section: TokenizerSection, at offset: Int, byte: UInt8) -> BlobEditor {
        var bytes = self[section]
        bytes[offset] = byte
        return replacingSection(section, with: bytes)
    }

    /// Sets a 32-bit number of the header.
    func settingHeader(at offset: Int, to value: UInt32) -> BlobEditor {
        var editor = self
        editor.header.replaceSubrange(offset..<offset + 4, with: Self.words([value]))
        return editor
    }

    subscript(section: TokenizerSection) -> [UInt8] {
        sections.first { $0.section == section }?.bytes ?? []
    }

    static func words(_ values: [UInt32]) -> [UInt8] {
        values.flatMap { value in [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) } }
    }

    /// A normalization section with each action: 12 ranges, 4 entries, 3 units.
    static let smallNormalization: [UInt8] = {
        let isolated: UInt32 = 1 << 21
        let sequence: UInt32 = 1 << 23
        let ranges: [UInt32] = [
            0x00, 1, 0x20, 3, 0x21, 4, 0x41, 5 | 32 << 8, 0x5B, 4, 0x61, 0,
            0x300, 2, 0x370, 0, 0x302E, 6, 0x3032, 0, 0xAC00, 7, 0xD7A4, 0,
        ]
        let entries: [UInt32] = [
            0x302E | 224 << 24, 0x302F | 230 << 24, 0x2E | isolated, sequence | 3 << 24,
        ]
        let units: [UInt32] = [0x61, 2 << 21, 0x62 | 9 << 24]
        return words([12, 4, 3] + ranges + entries + units)
    }()
}
