import CAttenuate
import CEdgePlatform

/// What an `attenuate_model *` points to.
struct Handle {
    /// Tells handles from other memory, as far as that can be.
    private var tag: UInt64
    private let model: Unmanaged<OpenedModel>

    private static let openTag: UInt64 = 0x6174_6e2d_6f70_656e
    private static let alignment = 64

    /// A new handle.
    static func create(_ model: OpenedModel) throws(Refusal) -> OpaquePointer {
        guard let memory = edgep_allocate(MemoryLayout<Handle>.size) else {
            throw Refusal(ATTENUATE_OUT_OF_MEMORY, "no memory is available for a handle")
        }
        memory.initializeMemory(
            as: Handle.self, to: Handle(tag: openTag, model: .passRetained(model)))
        return OpaquePointer(memory)
    }

    /// The model of a handle that is open.
    static func model(_ pointer: OpaquePointer?) throws(Refusal) -> OpenedModel {
        guard let pointer else { throw .argument("model is null") }
        guard let handle = open(pointer) else {
            throw .argument("model is closed or is no model")
        }
        return handle.pointee.model.takeUnretainedValue()
    }

    /// Closes a handle; does nothing where it is not open.
    static func close(_ pointer: OpaquePointer) {
        guard let handle = open(pointer) else { return }
        handle.pointee.tag = 0
        handle.pointee.model.release()
        edgep_free(handle)
    }

    private static func open(_ pointer: OpaquePointer) -> UnsafeMutablePointer<Handle>? {
        guard Int(bitPattern: pointer) % alignment == 0 else { return nil }
        let handle = UnsafeMutablePointer<Handle>(pointer)
        return handle.pointee.tag == openTag ? handle : nil
    }
}
