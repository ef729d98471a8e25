// The header names and documents these functions.
// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation

public import CAttenuate
import EdgeRuntime

@c @implementation
public func attenuate_version() -> UnsafePointer<CChar>? {
    let version: StaticString = "0.1.0"
    return UnsafeRawPointer(version.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func attenuate_open_file(
    _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<attenuate_options>?,
    _ model: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<attenuate_error>?
) -> attenuate_status {
    open(options, model, error) { () throws(Refusal) in
        guard let path else { throw .argument("path is null") }
        return try container { () throws(RuntimeError) in
            try Container(path: bytes(ofText: path))
        }
    }
}

@c @implementation
public func attenuate_open_memory(
    _ bytes: UnsafeRawPointer?, _ byteCount: Int,
    _ options: UnsafePointer<attenuate_options>?,
    _ model: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<attenuate_error>?
) -> attenuate_status {
    open(options, model, error) { () throws(Refusal) in
        guard let bytes else { throw .argument("bytes is null") }
        // What is negative here is more than half of all addresses in C.
        guard byteCount >= 0 else {
            throw .argument("byte_count is \(UInt(bitPattern: byteCount))")
        }
        guard Int(bitPattern: bytes) % 8 == 0 else {
            throw .argument("bytes does not lie at a multiple of 8")
        }
        return try container { () throws(RuntimeError) in
            try Container(borrowing: UnsafeRawBufferPointer(start: bytes, count: byteCount))
        }
    }
}

@c @implementation
public func attenuate_close(_ model: UnsafeMutablePointer<OpaquePointer?>?) {
    guard let pointer = model?.pointee else { return }
    model?.pointee = nil
    Handle.close(pointer)
}

@c @implementation
public func attenuate_get_info(
    _ model: OpaquePointer?, _ info: UnsafeMutablePointer<attenuate_info>?,
    _ error: UnsafeMutablePointer<attenuate_error>?
) -> attenuate_status {
    status(error) { () throws(Refusal) in
        let model = try Handle.model(model)
        guard let info else { throw .argument("info is null") }
        info.pointee = model.info()
    }
}

@c @implementation
public func attenuate_label(
    _ model: OpaquePointer?, _ classIndex: Int32
) -> UnsafePointer<CChar>? {
    (try? Handle.model(model))?.label(Int(classIndex))
}

private func open(
    _ options: UnsafePointer<attenuate_options>?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<attenuate_error>?,
    _ container: () throws(Refusal) -> Container
) -> attenuate_status {
    model?.pointee = nil
    return status(error) { () throws(Refusal) in
        guard let model else { throw .argument("model is null") }
        let options = try sessionOptions(options?.pointee ?? attenuate_options())
        model.pointee = try Handle.create(OpenedModel(try container(), options: options))
    }
}

private func container(
    _ open: () throws(RuntimeError) -> Container
) throws(Refusal) -> Container {
    do {
        return try open()
    } catch {
        throw Refusal(error)
    }
}

private func sessionOptions(_ options: attenuate_options) throws(Refusal) -> SessionOptions {
    let threads = Int(options.thread_count)
    guard (0...1024).contains(threads) else {
        throw .argument("thread_count is \(threads), not 0 … 1024")
    }
    let reserved = options.reserved
    guard options.reserved_flags == 0,
        reserved.0 == 0, reserved.1 == 0, reserved.2 == 0, reserved.3 == 0
    else {
        throw .argument("a reserved option is not 0")
    }
    let instructionSet: InstructionSet
    do {
        instructionSet =
            try options.instruction_set.map { name throws(RuntimeError) in
                try InstructionSet.named(bytes(ofText: name))
            } ?? .fastest
    } catch {
        throw Refusal(error)
    }
    return SessionOptions(
        instructionSet: instructionSet,
        threadCount: ThreadPool.runnableCount(
            of: threads == 0 ? ThreadPool.defaultThreadCount : threads),
        memoryLimit: options.memory_limit == 0 ? nil : Int(clamping: options.memory_limit))
}

/// The bytes of a text before the zero byte at its end.
private func bytes(ofText text: UnsafePointer<CChar>) -> [UInt8] {
    var bytes: [UInt8] = []
    while text[bytes.count] != 0 { bytes.append(UInt8(bitPattern: text[bytes.count])) }
    return bytes
}
