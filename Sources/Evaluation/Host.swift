import CEdgePlatform
import Foundation

/// The machine that a comparison runs on.
package struct Host: Equatable, Sendable {
    /// What the kernel calls the CPU; nil where it has no name for it, as on many ARM boards.
    package let processor: String?
    /// CPUs that this process may use.
    package let usableProcessorCount: Int

    package init() {
        let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        processor = text.flatMap(Self.processor)
        usableProcessorCount = Int(edgep_usable_processor_count())
    }

    /// The first `model name` of `/proc/cpuinfo`, or else its `Model`, as Raspberry Pi OS has it.
    static func processor(cpuinfo: String) -> String? {
        for key in ["model name", "Model"] {
            for line in cpuinfo.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == key
                else { continue }
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }
}
