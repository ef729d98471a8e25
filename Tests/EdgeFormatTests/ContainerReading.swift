import CChecksums
import EdgeFormat

/// Reads a whole file as a runtime does: header, checksum of the directory, directory.
@discardableResult
func read(_ file: [UInt8]) throws -> (header: ContainerHeader, directory: ContainerDirectory) {
    try file.withUnsafeBytes { bytes in
        let header = try ContainerHeader(parsing: bytes)
        let range = header.directoryOffset..<header.directoryOffset + header.directorySize
        let found = atn_crc32c(0, bytes.baseAddress.map { $0 + range.lowerBound }, range.count)
        guard found == header.directoryChecksum else {
            throw FormatError.wrongChecksum(
                field: "directory", expected: header.directoryChecksum, found: found)
        }
        return (header, try ContainerDirectory(parsing: bytes, header: header))
    }
}

/// Reads a whole file and checks its chunks.
func readWithChunks(_ file: [UInt8]) throws {
    let directory = try read(file).directory
    try file.withUnsafeBytes { bytes in
        for (index, chunk) in directory.chunks.enumerated() {
            let found = atn_crc32c(
                0, bytes.baseAddress.map { $0 + chunk.offset }, chunk.storedSize)
            guard found == chunk.checksum else {
                throw FormatError.chunkDamaged(
                    index: index, expected: chunk.checksum, found: found)
            }
        }
    }
}

/// The error that a file is refused with; nil if it is accepted.
func refusal(of file: [UInt8]) -> FormatError? {
    do {
        try read(file)
        return nil
    } catch let error as FormatError {
        return error
    } catch {
        return nil
    }
}

extension SampleContainer {
    /// The error for the container after a change of its parts.
    static func refusal(_ change: (inout SampleContainer) -> Void) -> FormatError? {
        var container = SampleContainer()
        change(&container)
        return EdgeFormatTests.refusal(of: container.bytes())
    }

    /// The error for the container after a change of the encoded directory.
    static func refusal(directory change: (inout [UInt8]) -> Void) -> FormatError? {
        let container = SampleContainer()
        var directory = container.directory.encoded()
        change(&directory)
        return EdgeFormatTests.refusal(of: file(data: container.data, directory: directory))
    }

    /// The error for the container after a change of one section's payload.
    static func refusal(
        in section: SectionTag, _ change: (inout [UInt8]) -> Void
    ) -> FormatError? {
        refusal(directory: { directory in
            var sections = self.sections(of: directory)
            for index in sections.indices where sections[index].tag == section.rawValue {
                change(&sections[index].payload)
            }
            directory = encode(sections)
        })
    }

    struct Section {
        var tag: UInt32
        var flags: UInt32 = 1
        var payload: [UInt8]
    }

    static func sections(of directory: [UInt8]) -> [Section] {
        var sections: [Section] = []
        var position = 0
        while position < directory.count {
            let size = Int(directory.u32(at: position + 8))
            let start = position + 16
            sections.append(
                Section(
                    tag: directory.u32(at: position), flags: directory.u32(at: position + 4),
                    payload: Array(directory[start..<start + size])))
            position = start + (size + 7) / 8 * 8
        }
        return sections
    }

    static func encode(_ sections: [Section]) -> [UInt8] {
        var writer = ByteWriter()
        for section in sections {
            writer.u32(section.tag)
            writer.u32(section.flags)
            writer.u64(UInt64(section.payload.count))
            writer.append(section.payload)
            writer.pad(to: 8)
        }
        return writer.bytes
    }
}

extension [UInt8] {
    func u32(at offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(self[offset + $1]) << UInt32(8 * $1) }
    }

    mutating func set(_ value: UInt32, at offset: Int) {
        for index in 0..<4 {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }

    mutating func set(_ value: UInt64, at offset: Int) {
        set(UInt32(truncatingIfNeeded: value), at: offset)
        set(UInt32(truncatingIfNeeded: value >> 32), at: offset + 4)
    }
}
