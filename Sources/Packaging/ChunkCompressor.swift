import CZstd

/// Compresses chunks to independent zstd frames, always to the same bytes.
final class ChunkCompressor {
    /// Dense codes gain nothing from higher levels: their entropy is in the literals.
    static let level: Int32 = 3

    private let context: OpaquePointer

    init() throws(PackagingError) {
        guard let context = ZSTD_createCCtx() else { throw .zstd(message: "out of memory") }
        self.context = context
        let settings: [(ZSTD_cParameter, Int32)] = [
            (ZSTD_c_compressionLevel, Self.level), (ZSTD_c_contentSizeFlag, 1),
            (ZSTD_c_checksumFlag, 0), (ZSTD_c_dictIDFlag, 0),
        ]
        for (parameter, value) in settings {
            try Self.check(ZSTD_CCtx_setParameter(context, parameter, value))
        }
    }

    deinit {
        ZSTD_freeCCtx(context)
    }

    /// The frame, or nil if it would not be smaller than `raw`.
    func compress(_ raw: [UInt8]) throws(PackagingError) -> [UInt8]? {
        var frame = [UInt8](repeating: 0, count: ZSTD_compressBound(raw.count))
        let status = frame.withUnsafeMutableBytes { frame in
            raw.withUnsafeBytes { raw in
                ZSTD_compress2(context, frame.baseAddress, frame.count, raw.baseAddress, raw.count)
            }
        }
        try Self.check(status)
        guard status < raw.count else { return nil }
        frame.removeLast(frame.count - status)
        return frame
    }

    private static func check(_ status: Int) throws(PackagingError) {
        guard ZSTD_isError(status) == 0 else {
            throw .zstd(message: String(cString: ZSTD_getErrorName(status)))
        }
    }
}
