import CZstd
import EdgeFormat

/// Stores chunks in as few bytes as it can within bounded time, always the same ones.
///
/// Codes are numbers without an order, so their entropy is that of their histogram, which zstd's
/// Huffman code of literals reaches within a percent; matches that level 3 finds in coarse or sparse
/// codes by chance cost up to a fifth. Codes with many zeros are also tried as a mask of the places
/// and the values of the others, whose Huffman codes need not spend a whole bit on every zero.
final class ChunkCompressor {
    /// Ways to make a frame.
    private enum Effort {
        /// The Huffman code alone.
        case literals
        /// Level 3: enough to tell whether matches pay.
        case quick
        /// Level 16: far slower, and higher levels gain less than a thousandth.
        case thorough
    }

    private let context: OpaquePointer
    /// Room for any frame of a chunk.
    private let frame: UnsafeMutableRawBufferPointer

    init() throws(PackagingError) {
        guard let context = ZSTD_createCCtx() else { throw .zstd(message: "out of memory") }
        self.context = context
        frame = .allocate(
            byteCount: ZSTD_compressBound(ContainerLimits.chunkRawBytes), alignment: 64)
    }

    deinit {
        ZSTD_freeCCtx(context)
        frame.deallocate()
    }

    /// The smallest way to store a chunk.
    ///
    /// - Parameter holdsCodes: whether the bytes are codes of a tensor of type `i8`, whose chunks may
    ///   be sparse.
    func store(
        _ raw: [UInt8], holdsCodes: Bool
    ) throws(PackagingError) -> (encoding: ChunkEncoding, bytes: [UInt8]) {
        var encoding = ChunkEncoding.raw
        var smallest = raw
        if holdsCodes, let sparse = try sparse(raw), sparse.count < smallest.count {
            (encoding, smallest) = (.sparse, sparse)
        }
        let frame = try smallestFrame(
            of: raw, below: smallest.count, isLikelyToRepeat: !holdsCodes)
        if let frame { (encoding, smallest) = (.zstd, frame) }
        return (encoding, smallest)
    }

    /// The smallest frame that was found; nil if none is below `limit` bytes.
    ///
    /// - Parameter isLikelyToRepeat: whether the slowest way is tried in any case. Otherwise the
    ///   quick one has to find matches first that make the bytes smaller than any other form.
    private func smallestFrame(
        of bytes: [UInt8], below limit: Int, isLikelyToRepeat: Bool
    ) throws(PackagingError) -> [UInt8]? {
        var smallest: [UInt8]?
        func keep(_ count: Int) {
            if count < smallest?.count ?? limit { smallest = Array(frame[..<count]) }
        }
        let literals = try compress(bytes, .literals)
        keep(literals)
        let quick = try compress(bytes, .quick)
        // Frames of literals alone are decoded fastest: less than a hundredth is not worth others.
        if isLikelyToRepeat || quick <= min(limit, literals - literals / 100) {
            keep(quick)
            keep(try compress(bytes, .thorough))
        }
        return smallest
    }

    /// The frame of some bytes is left at the start of `frame`; returns its size.
    private func compress(_ bytes: [UInt8], _ effort: Effort) throws(PackagingError) -> Int {
        var settings: [(ZSTD_cParameter, Int32)]
        switch effort {
        case .literals:
            // Matches are looked for in so few places that there are none.
            settings = [
                (ZSTD_c_compressionLevel, 1), (ZSTD_c_strategy, Int32(ZSTD_fast.rawValue)),
                (ZSTD_c_hashLog, 6), (ZSTD_c_minMatch, 7), (ZSTD_c_targetLength, 1 << 17),
                (atn_zstd_literal_compression, Int32(ZSTD_ps_enable.rawValue)),
            ]
        case .quick:
            settings = [(ZSTD_c_compressionLevel, 3)]
        case .thorough:
            settings = [(ZSTD_c_compressionLevel, 16)]
        }
        settings += [
            (ZSTD_c_contentSizeFlag, 1), (ZSTD_c_checksumFlag, 0), (ZSTD_c_dictIDFlag, 0),
        ]
        try Self.check(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters))
        for (parameter, value) in settings {
            try Self.check(ZSTD_CCtx_setParameter(context, parameter, value))
        }
        guard effort == .literals, bytes.count > Self.largestSingleBlock else {
            let status = bytes.withUnsafeBytes {
                ZSTD_compress2(context, frame.baseAddress, frame.count, $0.baseAddress, $0.count)
            }
            try Self.check(status)
            return status
        }
        return try compress(bytes, blockBytes: Self.blockBytes(of: bytes.count))
    }

    /// Bytes from which on a frame of literals has two blocks or more.
    private static let largestSingleBlock = 64 << 10
    /// Of any block (RFC 8878, 3.1.1.2.4).
    private static let largestBlock = 128 << 10

    /// Bytes of each block of literals, so that there are as few pairs of blocks of the same size as
    /// can be: runtimes decode two blocks at once.
    private static func blockBytes(of byteCount: Int) -> Int {
        let pairCount = (byteCount + 2 * largestBlock - 1) / (2 * largestBlock)
        return (byteCount + 2 * pairCount - 1) / (2 * pairCount)
    }

    /// Ends a block every `blockBytes` bytes, with the settings of the context.
    private func compress(_ bytes: [UInt8], blockBytes: Int) throws(PackagingError) -> Int {
        try Self.check(ZSTD_CCtx_setPledgedSrcSize(context, UInt64(bytes.count)))
        var output = ZSTD_outBuffer(dst: frame.baseAddress, size: frame.count, pos: 0)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + blockBytes)
            // There is room for any frame, so one call takes the block and writes it.
            let status = bytes.withUnsafeBytes { bytes in
                var input = ZSTD_inBuffer(src: bytes.baseAddress, size: end, pos: start)
                return ZSTD_compressStream2(
                    context, &output, &input, end < bytes.count ? ZSTD_e_flush : ZSTD_e_end)
            }
            try Self.check(status)
            guard status == 0 else { throw .zstd(message: "a block was not written at once") }
            start = end
        }
        return output.pos
    }

    private static func check(_ status: Int) throws(PackagingError) {
        guard ZSTD_isError(status) == 0 else {
            throw .zstd(message: String(cString: ZSTD_getErrorName(status)))
        }
    }
}

// MARK: Sparse chunks

extension ChunkCompressor {
    /// A sparse chunk of codes (formats/container.md); nil if fewer than one in sixteen is zero, so
    /// that a mask could not pay.
    private func sparse(_ codes: [UInt8]) throws(PackagingError) -> [UInt8]? {
        let zeroCount = codes.count { $0 == 0 }
        guard zeroCount * 16 >= codes.count else { return nil }
        let values = codes.filter { $0 != 0 }
        let mask = (0..<SparseChunk.maskByteCount(codeCount: codes.count)).map { position in
            codes[8 * position..<min(codes.count, 8 * position + 8)].reversed().reduce(0) {
                $0 << 1 | ($1 == 0 ? 0 : 1) as UInt8
            }
        }
        // Masks are short, and those of blocks and other patterns repeat.
        let storedMask = try part(mask, isLikelyToRepeat: true)
        var bytes = ByteWriter()
        bytes.u32(UInt32(storedMask.count))
        bytes.append(storedMask)
        bytes.append(try part(values, isLikelyToRepeat: false))
        return bytes.bytes
    }

    private func part(
        _ bytes: [UInt8], isLikelyToRepeat: Bool
    ) throws(PackagingError) -> [UInt8] {
        try smallestFrame(of: bytes, below: bytes.count, isLikelyToRepeat: isLikelyToRepeat)
            ?? bytes
    }
}
