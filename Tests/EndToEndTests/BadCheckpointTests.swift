import Foundation
import Glibc
import Testing

/// Whatever is wrong with a checkpoint or an output, `compress` says it in one line, exits with 3
/// and changes nothing on the disk.
@Suite struct BadCheckpointTests {
    private static let note = "there are no tokenizer files"

    @Test("A bad checkpoint is refused and no file is left", arguments: BadCheckpoint.allCases)
    func badCheckpointsLeaveNothing(fault: BadCheckpoint) throws {
        let checkpoint = try fault.make()
        let folder = try TemporaryFolder()
        let run = try Program.compress.run(
            [checkpoint.folder.path, "-o", "\(folder.path)/model.atn"])
        expectRefused(run, naming: fault.words)
        #expect(try folder.names.isEmpty)
    }

    @Test("A refusal leaves an existing output as it was", arguments: BadCheckpoint.allCases)
    func badCheckpointsKeepAnExistingOutput(fault: BadCheckpoint) throws {
        let checkpoint = try fault.make()
        let folder = try TemporaryFolder()
        try folder.write("model.atn", "old".utf8)
        let run = try Program.compress.run(
            [checkpoint.folder.path, "-o", "\(folder.path)/model.atn", "--json"])
        expectRefused(run, naming: fault.words)
        #expect(try folder.names == ["model.atn"])
        #expect(try folder.read("model.atn") == Array("old".utf8))
    }

    @Test("A file cut anywhere is refused")
    func truncatedFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        let whole = try Data(
            contentsOf: URL(fileURLWithPath: "\(TinyBert.plain.folder)/model.safetensors"))
        let copy = try CheckpointCopy(of: .plain)
        for step in 0..<24 {
            let length = step < 10 ? step : whole.count * step / 24
            try copy.folder.write("model.safetensors", whole.prefix(length))
            let run = try Program.compress.run(
                [copy.folder.path, "-o", "\(folder.path)/model.atn"])
            expectRefused(run, naming: ["model.safetensors"])
        }
        #expect(try folder.names.isEmpty)
    }

    @Test("Weights that are not numbers are refused by int8 whichever tensor holds them")
    func notANumberIsFoundInEveryMatrix() throws {
        let folder = try TemporaryFolder()
        let names = [
            "embeddings.word_embeddings.weight", "encoder.layer.0.attention.self.query.weight",
            "encoder.layer.1.output.dense.weight",
        ]
        for name in names {
            let copy = try CheckpointCopy(of: .plain)
            try copy.editWeights { file in
                let end = try #require(file.entries[name]).offsets[1]
                file.data.replaceSubrange(end - 4..<end, with: [0, 0, 0xc0, 0xff])
            }
            let run = try Program.compress.run(
                [copy.folder.path, "-o", "\(folder.path)/model.atn", "--preset", "int8"])
            expectRefused(run, naming: [name, "NaN"])
        }
        #expect(try folder.names.isEmpty)
    }

    @Test("An output that cannot be written is refused with its name")
    func unwritableOutputsAreRefused() throws {
        let folder = try TemporaryFolder()
        try folder.write("file", "old".utf8)
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/folder", withIntermediateDirectories: false)
        let outputs = [
            "\(folder.path)/missing/model.atn", "\(folder.path)/file/model.atn",
            "\(folder.path)/folder", "\(folder.path)/folder/", "/proc/model.atn",
            "\(folder.path)/\(String(repeating: "a", count: 300)).atn",
        ]
        for output in outputs {
            let run = try Program.compress.run([TinyBert.plain.folder, "-o", output])
            expectRefused(run, naming: [output])
            #expect(try folder.names == ["file", "folder"], "\(output)")
        }
        let inside = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/folder")
        #expect(inside.isEmpty)
    }

    @Test("A folder without the right to write is refused", .enabled(if: geteuid() != 0))
    func readOnlyFoldersAreRefused() throws {
        let folder = try TemporaryFolder()
        chmod(folder.path, 0o555)
        defer { chmod(folder.path, 0o755) }
        let output = "\(folder.path)/model.atn"
        let run = try Program.compress.run([TinyBert.plain.folder, "-o", output])
        expectRefused(run, naming: [output])
    }

    @Test("A disk that fills up leaves the old file and no temporary one")
    func failedWritesLeaveTheOldFile() throws {
        let folder = try TemporaryFolder()
        try folder.write("model.atn", "old".utf8)
        // The shell counts in blocks of 512 or 1024 bytes; the container takes more than either.
        let run = try Program.compress.run(
            limitedBy: "trap '' XFSZ; ulimit -f 16",
            [TinyBert.plain.folder, "-o", "\(folder.path)/model.atn"])
        expectRefused(run, naming: ["\(folder.path)/model.atn", "write"])
        #expect(try folder.names == ["model.atn"])
        #expect(try folder.read("model.atn") == Array("old".utf8))
    }

    /// Expects exit status 3 and one line besides the note about the missing tokenizer.
    private func expectRefused(
        _ run: ProgramRun, naming words: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let lines = run.errorText.split(separator: "\n").filter { !$0.contains(Self.note) }
        ProgramRun(end: run.end, output: run.output, errors: lines.flatMap { $0.utf8 + [0x0a] })
            .expectRefusal(3, naming: words, sourceLocation: sourceLocation)
    }
}
