/// Bytes of a safetensors file with this header, right or wrong.
func safetensors(header: String, dataByteCount: Int = 0) -> [UInt8] {
    safetensors(
        header: Array(header.utf8), data: (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) })
}

func safetensors(header: [UInt8], data: [UInt8]) -> [UInt8] {
    let length = UInt64(header.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + header + data
}

/// Bytes of a valid file with float32 vectors.
func safetensors(_ tensors: [(name: String, values: [Float])]) -> [UInt8] {
    var entries: [String] = []
    var data: [UInt8] = []
    for tensor in tensors {
        let begin = data.count
        for value in tensor.values {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
        }
        entries.append(
            "\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":[\(tensor.values.count)],"
                + "\"data_offsets\":[\(begin),\(data.count)]}")
    }
    let header = "{" + entries.joined(separator: ",") + "}"
    return safetensors(header: Array(header.utf8), data: data)
}
