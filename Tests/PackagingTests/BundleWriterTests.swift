import EdgeFormat
import EdgeRuntime
import Foundation
import Testing

@testable import Packaging

@Suite struct BundleWriterTests {
    private let folder: TemporaryFolder
    private let container: String

    init() throws {
        folder = try TemporaryFolder()
        container = folder.path + "/model.atn"
        _ = try ContainerWriter(LoweredModel(SampleModel().compressed, tokenizer: nil))
            .write(to: container)
    }

    /// A file that begins like a program for a machine.
    private func program(machine: UInt8, byteCount: Int = 5000) throws -> String {
        var bytes = [UInt8](repeating: 7, count: byteCount)
        bytes.replaceSubrange(0..<4, with: [0x7f, 0x45, 0x4c, 0x46])
        bytes.replaceSubrange(18..<20, with: [machine, 0])
        let path = "\(folder.path)/program-\(machine)-\(byteCount)"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test(arguments: [5000, 8192, 20])
    func bundlesHoldTheProgramAndTheModel(byteCount: Int) throws {
        let program = try program(machine: 183, byteCount: byteCount)
        let path = folder.path + "/bundle"
        let size = try BundleWriter(program: program, for: .aarch64).write(
            container: container, to: path)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(bytes.count == size)
        #expect(bytes.starts(with: try Data(contentsOf: URL(fileURLWithPath: program))))
        let trailer = try #require(
            try BundleTrailer.trailer(in: Array(bytes.suffix(32)), fileSize: size))
        #expect(trailer.containerOffset == (byteCount + 4095) / 4096 * 4096)
        let model = Array(try Data(contentsOf: URL(fileURLWithPath: container)))
        #expect(Array(bytes[trailer.containerOffset...].prefix(model.count)) == model)
        #expect(FileManager.default.isExecutableFile(atPath: path))
        let opened = try Container(path: Array(path.utf8))
        #expect(opened.header == (try Container(path: Array(container.utf8))).header)
        #expect(opened.contentDigestMatches())
        #expect(Container.isBundle(path: Array(path.utf8)))
        #expect(!Container.isBundle(path: Array(container.utf8)))
        #expect(!Container.isBundle(path: Array((folder.path + "/absent").utf8)))
    }

    @Test func otherProgramsAreRefused() throws {
        let refused: [(String, BundleWriter.Architecture, String)] = [
            (try program(machine: 183), .armv7, "no program for armv7"),
            (try program(machine: 40), .x86, "no program for x86-64"),
            (container, .aarch64, "no program for aarch64"),
            (folder.path + "/absent", .aarch64, "absent"),
        ]
        for (path, architecture, words) in refused {
            do {
                _ = try BundleWriter(program: path, for: architecture)
                Issue.record("\(path) is no program for \(architecture)")
            } catch {
                #expect(error.description.contains(words), "\(error.description)")
            }
        }
    }

    @Test func aBundleIsNoProgramForAnother() throws {
        let path = folder.path + "/bundle"
        let writer = try BundleWriter(program: program(machine: 62), for: .x86)
        try writer.write(container: container, to: path)
        do {
            _ = try BundleWriter(program: path, for: .x86)
            Issue.record("a model was attached to a bundle")
        } catch {
            #expect(error.description.contains("already"))
        }
        do {
            try writer.write(container: folder.path + "/absent", to: folder.path + "/other")
            Issue.record("a bundle without a model was written")
        } catch {
            #expect(error.description.contains("absent"))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/other"))
    }
}
