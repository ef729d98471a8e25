/// Everything that a container says about its contents.
package struct ContainerDirectory: Equatable, Sendable {
    /// Required features, ascending.
    package var features: [[UInt8]]
    package var metadata: Metadata
    package var chunks: [ChunkRecord]
    package var tensors: [TensorRecord]
    package var program: Program

    package init(
        features: [[UInt8]], metadata: Metadata, chunks: [ChunkRecord], tensors: [TensorRecord],
        program: Program
    ) {
        self.features = features
        self.metadata = metadata
        self.chunks = chunks
        self.tensors = tensors
        self.program = program
    }

    /// Index of the tensor with a name, found by bisection.
    package func tensor(named name: [UInt8]) -> Int? {
        var range = 0..<tensors.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if tensors[middle].name == name { return middle }
            range =
                tensors[middle].name.lexicographicallyPrecedes(name)
                ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    /// Reads the directory of a file whose header is `header`, and checks every rule that does
    /// not need the contents of a chunk.
    package init(
        parsing file: UnsafeRawBufferPointer, header: ContainerHeader
    ) throws(FormatError) {
        let range = header.directoryOffset..<header.directoryOffset + header.directorySize
        var reader = ByteReader(
            UnsafeRawBufferPointer(rebasing: file[range]), base: header.directoryOffset)
        var payloads: [(tag: UInt32, reader: ByteReader)] = []
        var lastOrder: UInt32?
        while reader.remaining > 0 {
            let tag = try reader.u32("section tag")
            let flags = try reader.u32("section flags")
            let size = try reader.size("section size")
            guard flags & ~1 == 0 else {
                throw .wrongValue(
                    field: "reserved section flags", expected: 0, found: UInt64(flags))
            }
            let order = SectionTag.order(tag)
            if let lastOrder, lastOrder >= order { throw .sectionOrder(tag: tag) }
            lastOrder = order
            let payload = try reader.nested(size, "section")
            try reader.zeros((8 - size % 8) % 8, "section padding")
            if SectionTag(rawValue: tag) != nil {
                guard flags == 1 else {
                    throw .wrongValue(
                        field: "flags of a known section", expected: 1, found: UInt64(flags))
                }
                payloads.append((tag, payload))
            } else if flags & 1 != 0 {
                throw .unknownSection(tag: tag)
            }
        }
        func payload(_ section: SectionTag) throws(FormatError) -> ByteReader {
            for payload in payloads where payload.tag == section.rawValue { return payload.reader }
            throw .sectionMissing(tag: section.rawValue)
        }

        var featureReader = try payload(.features)
        features = try Self.features(&featureReader)
        try featureReader.end("features")
        var metadataReader = try payload(.metadata)
        metadata = try Metadata(parsing: &metadataReader)
        try metadataReader.end("metadata")
        var chunkReader = try payload(.chunks)
        chunks = try Self.chunks(&chunkReader)
        try chunkReader.end("chunks")
        var tensorReader = try payload(.tensors)
        tensors = try Self.tensors(&tensorReader)
        var programReader = try payload(.program)
        program = try Program(parsing: &programReader, tensorCount: tensors.count)
        try programReader.end("program")

        try checkPlacement(file: file, header: header)
        try checkQuantization()
        try checkTokenizer()
        try checkFeatures()
        try program.validate(tensors: tensors)
    }

    /// The bytes of the directory.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        for section in SectionTag.allCases {
            var payload = ByteWriter()
            switch section {
            case .chunks:
                payload.u32(UInt32(chunks.count))
                payload.zeros(4)
                for chunk in chunks { chunk.encode(into: &payload) }
            case .features:
                payload.u32(UInt32(features.count))
                for feature in features {
                    payload.u16(UInt16(feature.count))
                    payload.append(feature)
                }
            case .metadata:
                metadata.encode(into: &payload)
            case .program:
                program.encode(into: &payload)
            case .tensors:
                payload.u32(UInt32(tensors.count))
                payload.u32(UInt32(tensors.reduce(0) { $0 + $1.name.count }))
                var nameOffset = 0
                for tensor in tensors {
                    tensor.encode(into: &payload, nameOffset: nameOffset)
                    nameOffset += tensor.name.count
                }
                for tensor in tensors { payload.append(tensor.name) }
            }
            writer.u32(section.rawValue)
            writer.u32(1)
            writer.u64(UInt64(payload.bytes.count))
            writer.append(payload.bytes)
            writer.pad(to: 8)
        }
        return writer.bytes
    }
}

extension ContainerDirectory {
    private static func features(_ reader: inout ByteReader) throws(FormatError) -> [[UInt8]] {
        let count = try reader.count(
            "feature count", entryBytes: 2, limit: ContainerLimits.features)
        var features: [[UInt8]] = []
        for index in 0..<count {
            let length = Int(try reader.u16("feature length"))
            let name = try reader.text(length, "feature")
            if let last = features.last, !last.lexicographicallyPrecedes(name) {
                throw .notAscending(field: "feature", index: index)
            }
            guard Feature.known.contains(where: { $0.bytes == name }) else {
                throw .unknownFeature(name: name)
            }
            features.append(name)
        }
        return features
    }

    private static func chunks(_ reader: inout ByteReader) throws(FormatError) -> [ChunkRecord] {
        let count = try reader.u32("chunk count")
        try reader.zeros(4, "chunk table padding")
        guard count <= ContainerLimits.chunks else {
            throw .overLimit(
                field: "chunk count", limit: UInt64(ContainerLimits.chunks), found: UInt64(count))
        }
        guard Int(count) * ChunkRecord.byteCount <= reader.remaining else {
            throw .truncated(
                field: "chunk table", offset: reader.offset,
                needed: Int(count) * ChunkRecord.byteCount, available: reader.remaining)
        }
        var chunks: [ChunkRecord] = []
        chunks.reserveCapacity(Int(count))
        for _ in 0..<count { chunks.append(try ChunkRecord(parsing: &reader)) }
        return chunks
    }

    private static func tensors(_ reader: inout ByteReader) throws(FormatError) -> [TensorRecord] {
        let count = try reader.count("tensor count", entryBytes: 1, limit: ContainerLimits.tensors)
        let nameBytes = try reader.number("tensor name bytes")
        var records = try reader.nested(count * TensorRecord.byteCount, "tensor table")
        var names = try reader.nested(nameBytes, "tensor names")
        try reader.end("tensors")
        var tensors: [TensorRecord] = []
        tensors.reserveCapacity(count)
        for index in 0..<count {
            let tensor = try TensorRecord(parsing: &records, names: &names)
            if let last = tensors.last, !last.name.lexicographicallyPrecedes(tensor.name) {
                throw .notAscending(field: "tensor name", index: index)
            }
            tensors.append(tensor)
        }
        try names.end("tensor names")
        return tensors
    }

    /// Chunks belong to the tensors in order, fill them exactly, and fill the file from 128 to
    /// the directory without holes, apart from zero padding before each tensor and up to a
    /// multiple of the element size before each chunk.
    private func checkPlacement(
        file: UnsafeRawBufferPointer, header: ContainerHeader
    ) throws(FormatError) {
        var nextChunk = 0
        var end = ContainerHeader.byteCount
        func checkPadding(upTo start: Int) throws(FormatError) {
            guard start <= header.directoryOffset else {
                throw .overLimit(
                    field: "chunk offset", limit: UInt64(header.directoryOffset),
                    found: UInt64(start))
            }
            for offset in end..<start where file[offset] != 0 {
                throw .nonZeroPadding(offset: offset)
            }
        }
        for tensor in tensors {
            guard tensor.firstChunk == nextChunk else {
                throw tensor.error(
                    "first chunk", expected: UInt64(nextChunk),
                    found: UInt64(tensor.firstChunk))
            }
            guard tensor.chunkCount <= chunks.count - nextChunk else {
                throw tensor.error(
                    "chunk count", expected: UInt64(chunks.count - nextChunk),
                    found: UInt64(tensor.chunkCount))
            }
            var remaining = tensor.rawByteCount
            let rowBytes = tensor.columnCount * tensor.type.byteCount
            if remaining > 0 {
                guard tensor.chunkRawBytes > 0, tensor.chunkRawBytes % rowBytes == 0,
                    tensor.chunkRawBytes <= min(remaining, ContainerLimits.chunkRawBytes)
                else {
                    throw tensor.error(
                        "bytes per chunk (a multiple of the row size)", expected: UInt64(rowBytes),
                        found: UInt64(tensor.chunkRawBytes))
                }
                guard tensor.chunkCount == (remaining - 1) / tensor.chunkRawBytes + 1
                else {
                    throw tensor.error(
                        "chunk count",
                        expected: UInt64((remaining - 1) / max(1, tensor.chunkRawBytes) + 1),
                        found: UInt64(tensor.chunkCount))
                }
            } else {
                guard tensor.chunkCount == 0, tensor.chunkRawBytes == 0 else {
                    throw tensor.error(
                        "chunks of an empty tensor", expected: 0,
                        found: UInt64(max(tensor.chunkCount, tensor.chunkRawBytes)))
                }
            }
            for index in nextChunk..<nextChunk + tensor.chunkCount {
                let chunk = chunks[index]
                let expectedRaw = min(tensor.chunkRawBytes, remaining)
                guard chunk.rawSize == expectedRaw else {
                    throw tensor.error(
                        "raw size of a chunk", expected: UInt64(expectedRaw),
                        found: UInt64(chunk.rawSize))
                }
                remaining -= expectedRaw
                guard chunk.encoding != .sparse || tensor.type == .i8 else {
                    throw tensor.error(
                        "element type of a sparse chunk", expected: UInt64(StoredType.i8.rawValue),
                        found: UInt64(tensor.type.rawValue))
                }
                // Runtimes read raw chunks where they are mapped.
                let alignment =
                    index == nextChunk ? ContainerHeader.alignment : tensor.type.byteCount
                let start = (end + alignment - 1) / alignment * alignment
                guard chunk.offset == start else {
                    throw tensor.error(
                        "offset of a chunk", expected: UInt64(start),
                        found: UInt64(chunk.offset))
                }
                try checkPadding(upTo: start)
                let (chunkEnd, overflow) = start.addingReportingOverflow(chunk.storedSize)
                guard !overflow, chunkEnd <= header.directoryOffset else {
                    throw .overLimit(
                        field: "end of a chunk", limit: UInt64(header.directoryOffset),
                        found: UInt64(clamping: chunkEnd))
                }
                end = chunkEnd
            }
            nextChunk += tensor.chunkCount
        }
        guard nextChunk == chunks.count else {
            throw .wrongValue(
                field: "chunks of all tensors", expected: UInt64(chunks.count),
                found: UInt64(nextChunk))
        }
        let alignment = ContainerHeader.alignment
        let directory = (end + alignment - 1) / alignment * alignment
        guard directory == header.directoryOffset else {
            throw .wrongValue(
                field: "directory offset", expected: UInt64(directory),
                found: UInt64(header.directoryOffset))
        }
        try checkPadding(upTo: directory)
    }

    /// Every feature that is used must be listed: readers without it would go wrong.
    private func checkFeatures() throws(FormatError) {
        var uses = program.features
        if tensors.contains(where: { $0.scheme == .int8Rows }) { uses.append(Feature.int8Rows) }
        if tensors.contains(where: { $0.scheme == .int4Groups }) {
            uses.append(Feature.int4Groups)
        }
        if chunks.contains(where: { $0.encoding == .sparse }) { uses.append(Feature.sparseChunks) }
        for feature in uses where !features.contains(feature.bytes) {
            throw .missingFeature(name: feature)
        }
    }

    private func checkTokenizer() throws(FormatError) {
        guard let index = tensor(named: Array("tokenizer".utf8)) else { return }
        guard tensors[index].type == .u8, tensors[index].shape.count == 1 else {
            throw tensors[index].error(
                "rank of a row of bytes", expected: 1,
                found: UInt64(tensors[index].shape.count))
        }
    }

    private func checkQuantization() throws(FormatError) {
        for tensor in tensors {
            switch tensor.scheme {
            case .none:
                guard tensor.scales == nil else {
                    throw tensor.error(
                        "scales tensor", expected: UInt64(TensorRecord.none),
                        found: UInt64(tensor.scales ?? 0))
                }
            case .int8Rows, .int4Groups:
                guard tensor.type == .i8, tensor.shape.count == 2 else {
                    throw tensor.error(
                        "rank of a tensor of codes", expected: 2,
                        found: UInt64(tensor.shape.count))
                }
                guard let scales = tensor.scales, scales < tensors.count,
                    tensors[scales].type == .f32, tensors[scales].scheme == .none,
                    tensors[scales].shape == [tensor.rowCount]
                else {
                    throw tensor.error(
                        "scales tensor", expected: UInt64(tensor.rowCount),
                        found: tensor.scales.map { UInt64($0) } ?? UInt64(TensorRecord.none))
                }
                guard tensor.scheme == .int4Groups else { break }
                guard let multipliers = tensor.multipliers, multipliers < tensors.count,
                    tensors[multipliers].type == .i8, tensors[multipliers].scheme == .none,
                    tensors[multipliers].shape == [tensor.rowCount, tensor.groupCount]
                else {
                    throw tensor.error(
                        "multipliers tensor", expected: UInt64(tensor.groupCount),
                        found: UInt64(tensor.multipliers ?? 0))
                }
            }
        }
    }
}
