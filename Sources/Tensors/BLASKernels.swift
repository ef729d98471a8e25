import COpenBLAS
import Glibc

/// The kernels that OpenBLAS runs on this processor.
package enum BLASKernels {
    /// Starts the program again, with the same arguments, where OpenBLAS does not know the processor.
    ///
    /// OpenBLAS chooses kernels by the processor's model number while it is loaded, and a model that
    /// is newer than the library gets those of 2004, with registers of 128 bits. Which kernels to run
    /// can only be said before that, in the environment. To be called first in `main`; returns where nothing is to be done, or where
    /// it cannot be.
    package static func restartIfProcessorIsUnknown() {
        guard
            let kernels = replacement(
                for: openblas_get_corename().map { String(cString: $0) } ?? "",
                chosen: getenv(variable).map { String(cString: $0) },
                vectorBits: Int(attenuate_vector_bits()))
        else { return }
        setenv(variable, kernels, 1)
        // By its own path, so that lists of processes show its name.
        guard let path = realpath("/proc/self/exe", nil) else { return }
        execv(path, CommandLine.unsafeArgv)
        // Still here: slower, but right.
        free(path)
    }

    private static let variable = "OPENBLAS_CORETYPE"

    /// The kernels to ask for, or nil to stay with those that are loaded.
    ///
    /// - Parameters:
    ///   - loaded: What OpenBLAS calls them.
    ///   - chosen: What the user asked for.
    static func replacement(for loaded: String, chosen: String?, vectorBits: Int) -> String? {
        // The choice for everything unknown, and of no processor that has AVX2.
        guard chosen == nil, loaded == "Prescott" else { return nil }
        switch vectorBits {
        case 512: return "SkylakeX"
        case 256: return "Haswell"
        default: return nil
        }
    }
}
