import Checkpoints
import Foundation
import ModelGraph

@testable import ModelCompression

/// Checkpoints of `Tests/Fixtures/tiny-bert` and `Tests/Fixtures/tiny-decoders`.
enum TinyFixture {
    static let plain = folder("plain")
    static let classifier = folder("classifier")

    static func decoder(_ name: String) -> String { folder(name, of: "tiny-decoders") }

    private static func folder(_ name: String, of fixtures: String = "tiny-bert") -> String {
        URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/\(fixtures)/\(name)").path
    }

    /// Random sequences of 3 to 22 tokens; the same seed gives the same.
    static func calibration(
        _ count: Int, seed: UInt64 = 1, vocabulary: UInt64 = 100
    ) -> CalibrationSet {
        var generator = SplitMix64(seed: seed)
        return CalibrationSet(
            (0..<count).map { index in
                TokenSequence(
                    ids: (0..<3 + index % 20).map { _ in Int32(generator.next() % vocabulary) })
            })
    }
}
