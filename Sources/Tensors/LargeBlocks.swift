import COpenBLAS

/// Memory of tensors.
package enum LargeBlocks {
    /// Keeps memory that a tensor gave back for the next one, up to 32 MiB each, which is the most
    /// that glibc allows; larger blocks go back to the system at once.
    ///
    /// Otherwise the system clears every page of every intermediate result anew. To be called first in
    /// `main`.
    package static func keepForReuse() {
        attenuate_keep_freed_memory(32 << 20, 256 << 20)
    }
}
