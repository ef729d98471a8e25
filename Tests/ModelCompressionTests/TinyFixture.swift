import Checkpoints
import Foundation
import ModelGraph

@testable import ModelCompression

/// Checkpoints of `Tests/Fixtures/tiny-bert`.
enum TinyFixture {
    static let plain = folder("plain")
    static let classifier = folder("classifier")

    private static func folder(_ name: String) -> String {
        URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/tiny-bert/\(name)").path
    }

    /// Random sequences of 3 to 22 tokens; the same seed gives the same.
    static func calibration(_ count: Int, seed: UInt64 = 1) -> CalibrationSet {
        var generator = SplitMix64(seed: seed)
        return CalibrationSet(
            (0..<count).map { index in
                TokenSequence(
                    ids: (0..<3 + index % 20).map { _ in Int32(generator.next() % 100) })
            })
    }
}
