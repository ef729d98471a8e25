extension JSONReader {
    /// Reads any value.
    ///
    /// - Parameter budget: How many more values may be read; counted down.
    mutating func readValue(budget: inout Int) throws(JSONError) -> JSONValue {
        let next = try peek()
        budget -= 1
        if budget < 0 { throw .tooManyValues(offset: offset) }
        switch next {
        case UInt8(ascii: "{"):
            return .object(try readObject(budget: &budget))
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try enterArray()
            while try nextElement(isFirst: elements.isEmpty) {
                elements.append(try readValue(budget: &budget))
            }
            return .array(elements)
        case UInt8(ascii: "\""):
            return .string(try readString())
        case UInt8(ascii: "t"):
            try readLiteral("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try readLiteral("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try readLiteral("null")
            return .null
        default:
            return try readNumericValue()
        }
    }

    private mutating func readObject(budget: inout Int) throws(JSONError) -> JSONObject {
        var object = JSONObject()
        try enterObject()
        while let name = try nextName(isFirst: object.count == 0) {
            let position = offset
            let value = try readValue(budget: &budget)
            if !object.append(name, value) {
                throw .duplicateName(name, offset: position)
            }
        }
        return object
    }

    private mutating func readNumericValue() throws(JSONError) -> JSONValue {
        let (text, isInteger) = try readNumber()
        if isInteger, let integer = Int64(text) {
            return .integer(integer)
        }
        guard let number = Double(text), number.isFinite else {
            throw .numberOutOfRange(offset: offset - text.utf8.count)
        }
        return .double(number)
    }
}
