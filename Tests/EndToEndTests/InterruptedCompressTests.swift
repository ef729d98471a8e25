import Foundation
import Glibc
import Testing

/// Ends `compress` at moments spread over its whole run.
@Suite struct InterruptedCompressTests {
    private static let moments = 32

    @Test("SIGKILL at any moment leaves the old file or the new one")
    func killsLeaveTheOldFileOrTheNewOne() throws {
        let old = try container(preset: "float")
        let new = try container(preset: "int8")
        let folder = try TemporaryFolder()
        let duration = try self.duration()
        for moment in 0..<Self.moments {
            try folder.write("model.atn", old)
            let run = try interrupt(
                folder, with: SIGKILL, after: duration * Double(moment) / Double(Self.moments - 4))
            #expect([.killed(SIGKILL), .exited(0)].contains(run.end))
            let found = try folder.read("model.atn")
            #expect(found == old || found == new, "\(found.count) bytes at moment \(moment)")
            if run.end == .exited(0) { #expect(found == new) }
        }
    }

    @Test(
        "A signal that asks to stop leaves no temporary file",
        arguments: [SIGTERM, SIGINT, SIGHUP])
    func stoppingLeavesNoTemporaryFile(signal: Int32) throws {
        let new = try container(preset: "int8")
        let folder = try TemporaryFolder()
        let duration = try self.duration()
        for moment in 0..<Self.moments {
            try? FileManager.default.removeItem(atPath: "\(folder.path)/model.atn")
            let run = try interrupt(
                folder, with: signal, after: duration * Double(moment) / Double(Self.moments - 4))
            #expect([.killed(signal), .exited(0)].contains(run.end))
            let names = try folder.names
            #expect(names.isEmpty || names == ["model.atn"], "moment \(moment)")
            if !names.isEmpty { #expect(try folder.read("model.atn") == new) }
        }
    }

    private func container(preset: String) throws -> [UInt8] {
        let path = try TopicClassifier.container(preset: preset)
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Seconds that a whole run takes here, only to spread the moments over it.
    private func duration() throws -> Double {
        let folder = try TemporaryFolder()
        let start = ContinuousClock.now
        try Program.compress.run([TopicClassifier.folder, "-o", "\(folder.path)/model.atn"])
            .expectDone()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private func interrupt(
        _ folder: TemporaryFolder, with signal: Int32, after seconds: Double
    ) throws -> ProgramRun {
        let running = try Program.compress.start([
            TopicClassifier.folder, "-o", "\(folder.path)/model.atn",
        ])
        usleep(UInt32(seconds * 1_000_000))
        running.send(signal)
        return try running.wait(limit: 60)
    }
}
