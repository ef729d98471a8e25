import CChecksums
import Foundation
import Testing

/// A program with a model attached (formats/bundle.md), made here by hand.
@Suite struct BundleTests {
    private func bundle(_ container: [UInt8], in folder: TemporaryFolder) throws -> String {
        var file = Array(try Data(contentsOf: URL(fileURLWithPath: Program.runEdge.path)))
        file += [UInt8](repeating: 0, count: (4096 - file.count % 4096) % 4096)
        var trailer: [UInt8] = [0x89, 0x41, 0x54, 0x4e, 0x42, 0x0d, 0x1a, 0x0a]
        for number in [UInt64(file.count), UInt64(container.count)] {
            withUnsafeBytes(of: number.littleEndian) { trailer += $0 }
        }
        let checksum = trailer.withUnsafeBytes { atn_crc32c(0, $0.baseAddress, $0.count) }
        withUnsafeBytes(of: checksum.littleEndian) { trailer += $0 }
        let path = try folder.write("model", file + container + trailer + [0, 0, 0, 0])
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    private func run(_ path: String, _ arguments: [String]) throws -> ProgramRun {
        try RunningProgram(
            path: path, arguments: arguments.map { Array($0.utf8) }, input: [], environment: [:],
            output: .captured
        ).wait(limit: 60)
    }

    @Test("A bundle answers as run-edge with the container does")
    func bundlesRunTheirModel() throws {
        let container = try TopicClassifier.container(preset: "int8")
        let folder = try TemporaryFolder()
        let path = try bundle(
            Array(try Data(contentsOf: URL(fileURLWithPath: container))), in: folder)
        for arguments in [
            ["--text", "a window manager"], ["--ids", "2,17,3", "--task", "raw"],
            ["--text", "games", "--json"],
        ] {
            let expected = try Program.runEdge.run([container] + arguments)
            let found = try run(path, arguments)
            try found.expectDone()
            #expect(found.output == expected.output)
            // The bundle is a model for the plain program, too.
            #expect(try Program.runEdge.run([path] + arguments).output == expected.output)
        }
        let tokens = try run(path, ["tokenize", "--text", "a window manager"])
        #expect(
            tokens.output
                == (try Program.runEdge.run(["tokenize", container, "--text", "a window manager"]))
                .output)
        try run(path, ["bench", "--lengths", "4", "--seconds", "0", "--json"]).expectDone()
        let info = try run(path, ["info", "--json"])
        try info.expectDone()
        #expect(
            try info.json()["content_sha256"] as? String
                == Program.runEdge.run(["info", container, "--json"]).json()["content_sha256"]
                as? String)
        for arguments in [["--version"], ["--help"], ["isa"]] {
            try run(path, arguments).expectDone()
        }
        #expect(try run(path, []).end == .exited(2))
    }

    @Test("A bundle whose end or model is damaged says so")
    func damagedBundlesAreRefused() throws {
        let container = try CompressedModels.bytes(of: .plain, preset: "int8")
        let folder = try TemporaryFolder()
        let path = try bundle(container, in: folder)
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        // Size, checksum and offset in the trailer; the header of the container.
        for place in [16, 8, 24, container.count + 32] {
            var file = whole
            file[file.count - place] ^= 0x20
            let damaged = try folder.write("damaged", file)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: damaged)
            let found = try run(damaged, ["--ids", "1"])
            #expect(found.end == .exited(3), "\(place)")
            #expect(found.errorText.split(separator: "\n").count == 1)
        }
    }

    @Test("--bundle without a program, of an unknown kind or named twice is refused")
    func bundlesThatCannotBeMadeAreRefused() throws {
        for (list, words) in [
            ("sparc", ["--bundle", "'sparc'", "aarch64, armv7, x86-64"]),
            ("", ["--bundle", "''"]), ("aarch64,", ["--bundle", "''"]),
            ("armv7,aarch64,armv7", ["--bundle", "armv7", "twice"]),
        ] {
            let output = try TemporaryFolder()
            let run = try Program.compress.run([
                TinyBert.plain.folder, "-o", "\(output.path)/model.atn", "--bundle", list,
            ])
            run.expectRefusal(2, naming: words)
            #expect(try output.names.isEmpty)
        }
    }
}
