import Tensors

/// The table of tensors at the start of a safetensors file.
///
/// Follows the format's reference implementation, and refuses in addition what it leaves open:
/// duplicate names, fields it does not know, a header that does not start with `{`.
struct SafetensorsHeader {
    /// Where a tensor lies in the file and how its bytes read.
    struct Entry: Sendable {
        var name: String
        var elementType: ElementType
        var shape: [Int]
        /// Counted from the start of the file.
        var byteRange: Range<Int>
    }

    static let byteLimit = 100_000_000
    static let dimensionLimit = 64
    static let subByteTags = ["F4", "F6_E2M3", "F6_E3M2"]

    /// In ascending order of their place in the file.
    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: String] = [:]

    /// Reads and checks the header of a whole file.
    init(file: UnsafeRawBufferPointer) throws(SafetensorsError) {
        guard file.count >= 8 else { throw .tooSmall(byteCount: file.count) }
        let declared = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard declared <= UInt64(Self.byteLimit) else {
            throw .headerTooLarge(byteCount: declared, limit: Self.byteLimit)
        }
        let headerByteCount = Int(declared)
        let dataStart = headerByteCount + 8
        guard dataStart <= file.count else {
            throw .headerPastEnd(headerByteCount: headerByteCount, fileByteCount: file.count)
        }
        guard headerByteCount > 0 else { throw .emptyHeader }
        guard file[8] == UInt8(ascii: "{") else {
            throw .headerDoesNotStartWithBrace(found: file[8])
        }
        let text = UnsafeRawBufferPointer(rebasing: file[8..<dataStart])
        var reader: JSONReader
        do {
            reader = try JSONReader(text, depthLimit: 8)
        } catch {
            throw .json(error)
        }
        try readTable(&reader, dataStart: dataStart, fileByteCount: file.count)
        try checkSpans(dataStart: dataStart, fileByteCount: file.count)
    }

    private mutating func readTable(
        _ reader: inout JSONReader, dataStart: Int, fileByteCount: Int
    ) throws(SafetensorsError) {
        var names: Set<CodePoints> = []
        try reader.checked { reader throws(JSONError) in try reader.enterObject() }
        var isFirst = true
        while let name = try reader.name(isFirst: isFirst) {
            isFirst = false
            guard names.insert(CodePoints(name)).inserted else { throw .duplicateTensor(name) }
            if name == "__metadata__" {
                metadata = try reader.readMetadata()
            } else {
                let fields = try reader.readFields(ofTensor: name)
                entries.append(
                    try fields.entry(dataStart: dataStart, fileByteCount: fileByteCount))
            }
        }
        try reader.checked { reader throws(JSONError) in try reader.finish() }
    }

    /// Checks that the tensors fill the file from the header to the end without gap or overlap.
    private mutating func checkSpans(
        dataStart: Int, fileByteCount: Int
    ) throws(SafetensorsError) {
        entries.sort {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound)
                < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
        }
        var end = dataStart
        var previous = ""
        for entry in entries {
            let begin = entry.byteRange.lowerBound
            if begin < end { throw .overlap(tensor: entry.name, other: previous) }
            if begin > end { throw .hole(tensor: entry.name, byteCount: begin - end) }
            end = entry.byteRange.upperBound
            previous = entry.name
        }
        if end < fileByteCount { throw .trailingBytes(count: fileByteCount - end) }
    }
}
