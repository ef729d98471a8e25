import CEdgePlatform

/// Memory aligned to 64 bytes, owned by one place.
package final class AlignedBuffer {
    package let start: UnsafeMutableRawPointer
    package let byteCount: Int

    /// Allocates `byteCount` bytes, which are not initialized.
    package init(byteCount: Int) throws(RuntimeError) {
        guard let start = edgep_allocate(max(64, byteCount)) else {
            throw .outOfMemory(byteCount: byteCount)
        }
        self.start = start
        self.byteCount = byteCount
    }

    deinit {
        edgep_free(start)
    }

    package func floats(at byteOffset: Int = 0) -> UnsafeMutablePointer<Float> {
        (start + byteOffset).assumingMemoryBound(to: Float.self)
    }

    package func bytes(at byteOffset: Int = 0) -> UnsafeMutablePointer<Int8> {
        (start + byteOffset).assumingMemoryBound(to: Int8.self)
    }
}

/// The next multiple of `alignment`.
func rounded(_ count: Int, up alignment: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
}
