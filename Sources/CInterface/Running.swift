// The header names and documents these functions.
// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation

public import CAttenuate
import EdgeRuntime

@c @implementation
public func attenuate_tokenize(
    _ model: OpaquePointer?, _ text: UnsafePointer<CChar>?, _ textLength: Int,
    _ pair: UnsafePointer<CChar>?, _ pairLength: Int, _ ids: UnsafeMutablePointer<Int32>?,
    _ typeIDs: UnsafeMutablePointer<Int32>?, _ capacity: Int,
    _ count: UnsafeMutablePointer<Int>?, _ total: UnsafeMutablePointer<Int>?,
    _ error: UnsafeMutablePointer<attenuate_error>?
) -> attenuate_status {
    status(error) { () throws(Refusal) in
        let model = try Handle.model(model)
        guard let count else { throw .argument("count is null") }
        let texts = try TextPair(text, textLength, pair, pairLength)
        let idBuffer = try OutputBuffer(ids, capacity: capacity, "ids")
        let typeBuffer = try typeIDs.map { typeIDs throws(Refusal) in
            try OutputBuffer(typeIDs, capacity: capacity, "type_ids")
        }
        let input = try model.encode(texts)
        count.pointee = input.sequence.tokenIDs.count
        total?.pointee = input.totalCount
        try idBuffer.check(count.pointee, "tokens")
        idBuffer.write(input.sequence.tokenIDs)
        typeBuffer?.write(input.sequence.typeIDs)
    }
}

@c @implementation
public func attenuate_run_text(
    _ model: OpaquePointer?, _ task: attenuate_task, _ text: UnsafePointer<CChar>?,
    _ textLength: Int, _ pair: UnsafePointer<CChar>?, _ pairLength: Int,
    _ values: UnsafeMutablePointer<Float>?, _ capacity: Int,
    _ result: UnsafeMutablePointer<attenuate_result>?,
    _ error: UnsafeMutablePointer<attenuate_error>?
) -> attenuate_status {
    status(error) { () throws(Refusal) in
        let model = try Handle.model(model)
        let texts = try TextPair(text, textLength, pair, pairLength)
        let buffer = try OutputBuffer(values, capacity: capacity, "values")
        try model.run(task, try model.encode(texts), into: buffer, result)
    }
}

@c @implementation
public func attenuate_run_ids(
    _ model: OpaquePointer?, _ task: attenuate_task, _ ids: UnsafePointer<Int32>?,
    _ typeIDs: UnsafePointer<Int32>?, _ count: Int, _ values: UnsafeMutablePointer<Float>?,
    _ capacity: Int, _ result: UnsafeMutablePointer<attenuate_result>?,
    _ error: UnsafeMutablePointer<attenuate_error>?
) -> attenuate_status {
    status(error) { () throws(Refusal) in
        let model = try Handle.model(model)
        guard let ids else { throw .argument("ids is null") }
        // What is negative here is more than half of all addresses in C.
        guard count >= 0 else { throw .argument("count is \(UInt(bitPattern: count))") }
        try model.check(tokenCount: count)
        let buffer = try OutputBuffer(values, capacity: capacity, "values")
        let sequence = BatchSequence(
            tokenIDs: Array(UnsafeBufferPointer(start: ids, count: count)),
            typeIDs: typeIDs.map { Array(UnsafeBufferPointer(start: $0, count: count)) } ?? [])
        try model.run(
            task, TokenizedInput(sequence: sequence, totalCount: count), into: buffer, result)
    }
}
