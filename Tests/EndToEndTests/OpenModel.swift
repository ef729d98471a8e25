import CAttenuate

/// A model opened through the C interface, in this process.
final class OpenModel {
    /// What a call told: its status and its message.
    struct Told: Equatable, Error {
        let status: Int
        let message: String
    }

    private(set) var handle: OpaquePointer?

    convenience init(_ path: String, _ options: attenuate_options = attenuate_options()) throws {
        try self.init(options) { attenuate_open_file(path, $0, $1, $2) }
    }

    /// Opens bytes that the caller keeps.
    convenience init(
        _ bytes: UnsafeRawBufferPointer, _ options: attenuate_options = attenuate_options()
    ) throws {
        try self.init(options) {
            attenuate_open_memory(bytes.baseAddress, bytes.count, $0, $1, $2)
        }
    }

    private init(
        _ options: attenuate_options,
        _ open: (
            UnsafePointer<attenuate_options>, UnsafeMutablePointer<OpaquePointer?>,
            UnsafeMutablePointer<attenuate_error>
        ) -> attenuate_status
    ) throws {
        var options = options
        var handle = OpaquePointer(bitPattern: 1)
        let told = Self.told { open(&options, &handle, $0) }
        self.handle = handle
        if told.status != ATTENUATE_OK {
            self.handle = nil
            throw handle == nil ? told : Told(status: -1, message: "the handle was not cleared")
        }
    }

    deinit { close() }

    func close() {
        attenuate_close(&handle)
    }

    /// Calls a function with a place for its error, which had another text before.
    static func told(
        _ call: (UnsafeMutablePointer<attenuate_error>) -> attenuate_status
    ) -> Told {
        var error = attenuate_error()
        withUnsafeMutableBytes(of: &error) { bytes in
            for index in bytes.indices { bytes[index] = 0x21 }
        }
        let status = call(&error)
        let message = withUnsafeBytes(of: &error) { bytes in
            String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) ?? "not UTF-8"
        }
        return Told(status: Int(status), message: message)
    }

    func info() throws -> attenuate_info {
        var info = attenuate_info()
        let told = Self.told { attenuate_get_info(handle, &info, $0) }
        if told.status != ATTENUATE_OK { throw told }
        return info
    }

    var labels: [String] {
        get throws {
            try (0..<info().class_count).map { index in
                attenuate_label(handle, index).map { String(cString: $0) } ?? "none"
            }
        }
    }

    /// What a run computed.
    struct Answer: Equatable {
        let rowCount: Int
        let columnCount: Int
        let tokenCount: Int
        let totalTokenCount: Int
        let best: Int
        let bits: [UInt32]
    }

    func run(
        text: [UInt8], pair: [UInt8]? = nil, task: Int = ATTENUATE_DEFAULT
    ) throws -> Answer {
        let text = text.map { CChar(bitPattern: $0) }
        let pair = pair.map { $0.map { CChar(bitPattern: $0) } }
        return try run { values, capacity, result, error in
            // An empty array has no address.
            let one: [CChar] = [0]
            let start = text.isEmpty ? one : text
            guard let pair else {
                return attenuate_run_text(
                    handle, attenuate_task(task), start, text.count, nil, 0, values, capacity,
                    result, error)
            }
            return attenuate_run_text(
                handle, attenuate_task(task), start, text.count, pair.isEmpty ? one : pair,
                pair.count, values, capacity, result, error)
        }
    }

    func run(ids: [Int32], types: [Int32]? = nil, task: Int = ATTENUATE_DEFAULT) throws -> Answer {
        try run { values, capacity, result, error in
            attenuate_run_ids(
                handle, attenuate_task(task), ids, types, ids.count, values, capacity, result,
                error)
        }
    }

    /// Asks for the size and then for the numbers.
    private func run(
        _ call: (
            UnsafeMutablePointer<Float>?, Int, UnsafeMutablePointer<attenuate_result>,
            UnsafeMutablePointer<attenuate_error>
        ) -> attenuate_status
    ) throws -> Answer {
        var needed = attenuate_result()
        let asked = Self.told { call(nil, 0, &needed, $0) }
        guard asked.status == ATTENUATE_TOO_SMALL else { throw asked }
        let count = needed.row_count * needed.column_count
        // What lies behind the buffer must stay.
        var values = [Float](repeating: -77, count: count + 3)
        var result = attenuate_result()
        let told = Self.told { call(&values, count, &result, $0) }
        guard told == Told(status: ATTENUATE_OK, message: "") else { throw told }
        guard values.suffix(3) == [-77, -77, -77], needed.best_class == -1,
            result.row_count == needed.row_count, result.column_count == needed.column_count
        else {
            throw Told(status: -1, message: "wrote behind the buffer, or another size")
        }
        return Answer(
            rowCount: result.row_count, columnCount: result.column_count,
            tokenCount: result.token_count, totalTokenCount: result.total_token_count,
            best: Int(result.best_class), bits: values.prefix(count).map { $0.bitPattern })
    }

    func tokenize(
        _ text: String, pair: String? = nil
    ) throws -> (ids: [Int32], types: [Int32], total: Int) {
        var ids = [Int32](repeating: -1, count: Int(try info().maximum_tokens))
        var types = ids
        var count = 0
        var total = 0
        let told = Self.told {
            attenuate_tokenize(
                handle, text, text.utf8.count, pair, pair?.utf8.count ?? 0, &ids, &types, ids.count,
                &count, &total, $0)
        }
        if told.status != ATTENUATE_OK { throw told }
        return (Array(ids.prefix(count)), Array(types.prefix(count)), total)
    }
}
