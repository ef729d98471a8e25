import CEdgePlatform

/// Inputs, with labels or without, that are used only to report.
///
/// A `.jsonl` file has one object per line, `{"text", "text_pair", "ids", "type_ids", "label"}` with
/// either `text` or `ids`; a `.txt` file has one text per line. Blank lines are skipped.
package struct EvaluationSet {
    /// A longer line is refused, so that memory stays bounded.
    package static let maximumLineByteCount = 1 << 20

    package let file: String
    package private(set) var examples: [EvaluationExample] = []
    /// Lines that cannot be used, in the order of the file.
    package private(set) var failures: [LineFailure] = []

    /// Reads a data set.
    ///
    /// - Parameter limit: How many usable lines to read at most; nil reads all.
    /// - Throws: `unreadable`, `unknownDataFormat`, `noExamples`
    package init(file: String, limit: Int? = nil) throws(EvaluationError) {
        let format = try DataFormat(file: file)
        var start: UnsafeRawPointer?
        var byteCount = 0
        let status = edgep_map_file(file, &start, &byteCount)
        guard status == 0 else { throw .unreadable(file: file, errno: -status) }
        defer { edgep_unmap_file(start, byteCount) }
        try self.init(
            file: file, bytes: UnsafeRawBufferPointer(start: start, count: byteCount),
            format: format, limit: limit)
    }

    /// A part of a data set.
    package init(file: String, examples: [EvaluationExample]) {
        self.file = file
        self.examples = examples
    }

    /// Reads a data set from memory.
    init(
        file: String, bytes: UnsafeRawBufferPointer, format: DataFormat, limit: Int? = nil
    ) throws(EvaluationError) {
        self.file = file
        var number = 0
        var rest = bytes[...]
        while !rest.isEmpty && examples.count < limit ?? .max {
            number += 1
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            let line = rest[rest.startIndex..<end]
            rest = rest[min(end + 1, rest.endIndex)...]
            do throws(LineProblem) {
                guard let example = try format.example(line, number: number) else { continue }
                examples.append(example)
            } catch {
                failures.append(LineFailure(line: number, problem: error))
            }
        }
        guard !examples.isEmpty else { throw .noExamples(file: file, first: failures.first) }
    }

    /// How many examples have a label.
    package var labelledCount: Int {
        examples.count { $0.label != nil }
    }
}
