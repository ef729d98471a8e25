import Tensors

/// What a safetensors header says of one tensor.
struct SafetensorsFields {
    var tensor: String
    var elementType: ElementType?
    var shape: [Int]?
    /// Counted from the end of the header.
    var offsets: (begin: Int, end: Int)?

    /// Checks that all is there, fits together and lies in the file.
    func entry(
        dataStart: Int, fileByteCount: Int
    ) throws(SafetensorsError) -> SafetensorsHeader.Entry {
        guard let elementType else { throw .missingField(tensor: tensor, field: "dtype") }
        guard let shape else { throw .missingField(tensor: tensor, field: "shape") }
        guard let (begin, end) = offsets else {
            throw .missingField(tensor: tensor, field: "data_offsets")
        }
        guard begin <= end else {
            throw .reversedOffsets(tensor: tensor, begin: begin, end: end)
        }
        guard end <= fileByteCount - dataStart else {
            throw .offsetsPastEnd(
                tensor: tensor, begin: saturatingSum(begin, dataStart),
                end: saturatingSum(end, dataStart), fileByteCount: fileByteCount)
        }
        guard let elementCount = Tensor.elementCount(of: shape) else {
            throw .sizeOverflow(tensor: tensor)
        }
        let (expected, overflow) = elementCount.multipliedReportingOverflow(
            by: elementType.byteCount)
        guard !overflow else { throw .sizeOverflow(tensor: tensor) }
        guard expected == end - begin else {
            throw .sizeMismatch(tensor: tensor, expected: expected, found: end - begin)
        }
        return SafetensorsHeader.Entry(
            name: tensor, elementType: elementType, shape: shape,
            byteRange: begin + dataStart..<end + dataStart)
    }

    private func saturatingSum(_ first: Int, _ second: Int) -> Int {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? Int.max : sum
    }
}

extension JSONReader {
    /// Does one reading step of a safetensors header.
    mutating func checked<Result>(
        _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(SafetensorsError) -> Result {
        do throws(JSONError) {
            return try body(&self)
        } catch {
            throw .json(error)
        }
    }

    mutating func name(isFirst: Bool) throws(SafetensorsError) -> String? {
        try checked { reader throws(JSONError) in try reader.nextName(isFirst: isFirst) }
    }

    /// Reads the map from strings to strings that `__metadata__` must be.
    mutating func readMetadata() throws(SafetensorsError) -> [String: String] {
        var strings: [CodePoints: String] = [:]
        guard try nextByte() == UInt8(ascii: "{") else { throw .metadataNotStrings(key: nil) }
        try checked { reader throws(JSONError) in try reader.enterObject() }
        while let key = try name(isFirst: strings.isEmpty) {
            guard try nextByte() == UInt8(ascii: "\"") else {
                throw .metadataNotStrings(key: key)
            }
            let value = try checked { reader throws(JSONError) in try reader.readString() }
            if strings.updateValue(value, forKey: CodePoints(key)) != nil {
                throw .duplicateMetadata(key: key)
            }
        }
        return Dictionary(strings.map { ($0.key.string, $0.value) }) { first, _ in first }
    }

    /// Reads the entry of one tensor.
    mutating func readFields(
        ofTensor tensor: String
    ) throws(SafetensorsError) -> SafetensorsFields {
        var fields = SafetensorsFields(tensor: tensor)
        guard try nextByte() == UInt8(ascii: "{") else { throw .entryNotObject(tensor: tensor) }
        try checked { reader throws(JSONError) in try reader.enterObject() }
        var isFirst = true
        while let field = try name(isFirst: isFirst) {
            isFirst = false
            let isDuplicate: Bool
            switch field {
            case "dtype":
                isDuplicate = fields.elementType != nil
                fields.elementType = try readElementType(ofTensor: tensor)
            case "shape":
                isDuplicate = fields.shape != nil
                fields.shape = try readIntegers(
                    limit: SafetensorsHeader.dimensionLimit,
                    malformed: .malformedShape(tensor: tensor),
                    tooLarge: .sizeOverflow(tensor: tensor),
                    tooMany: .tooManyDimensions(
                        tensor: tensor, limit: SafetensorsHeader.dimensionLimit))
            case "data_offsets":
                isDuplicate = fields.offsets != nil
                let malformed = SafetensorsError.malformedOffsets(tensor: tensor)
                let offsets = try readIntegers(
                    limit: 2, malformed: malformed, tooLarge: malformed, tooMany: malformed)
                guard offsets.count == 2 else { throw malformed }
                fields.offsets = (offsets[0], offsets[1])
            default:
                throw .unknownField(tensor: tensor, field: field)
            }
            if isDuplicate { throw .duplicateField(tensor: tensor, field: field) }
        }
        return fields
    }

    private mutating func nextByte() throws(SafetensorsError) -> UInt8 {
        try checked { reader throws(JSONError) in try reader.peek() }
    }

    private mutating func readElementType(
        ofTensor tensor: String
    ) throws(SafetensorsError) -> ElementType {
        guard try nextByte() == UInt8(ascii: "\"") else {
            throw .elementTypeNotString(tensor: tensor)
        }
        let tag = try checked { reader throws(JSONError) in try reader.readString() }
        guard let type = ElementType(name: tag) else {
            throw SafetensorsHeader.subByteTags.contains(tag)
                ? .subByteElementType(tensor: tensor, tag: tag)
                : .unknownElementType(tensor: tensor, tag: tag)
        }
        return type
    }

    private mutating func readIntegers(
        limit: Int, malformed: SafetensorsError, tooLarge: SafetensorsError,
        tooMany: SafetensorsError
    ) throws(SafetensorsError) -> [Int] {
        var integers: [Int] = []
        guard try nextByte() == UInt8(ascii: "[") else { throw malformed }
        try checked { reader throws(JSONError) in try reader.enterArray() }
        while try checked({ reader throws(JSONError) in
            try reader.nextElement(isFirst: integers.isEmpty)
        }) {
            guard integers.count < limit else { throw tooMany }
            let first = try nextByte()
            guard first >= UInt8(ascii: "0") && first <= UInt8(ascii: "9") else { throw malformed }
            let number = try checked { reader throws(JSONError) in try reader.readNumber() }
            guard number.isInteger else { throw malformed }
            guard let integer = Int(number.text) else { throw tooLarge }
            integers.append(integer)
        }
        return integers
    }
}
