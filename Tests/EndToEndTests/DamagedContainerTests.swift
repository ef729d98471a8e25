import Foundation
import Testing

/// A container that is not what `compress` wrote is refused, or answers as if it were.
@Suite struct DamagedContainerTests {
    private static let input = "1,2,3,99"

    @Test("A container cut anywhere is refused", arguments: ["int8", "float"])
    func truncatedContainersAreRefused(preset: String) throws {
        let file = try container(preset)
        let folder = try TemporaryFolder()
        var lengths = Set((0..<12).map { file.count * $0 / 12 } + [1, 7, 8, 64, 127, 128, 129])
        for boundary in sectionBoundaries(of: file) {
            lengths.formUnion([boundary - 1, boundary, boundary + 1])
        }
        lengths = lengths.filter { $0 < file.count }
        #expect(lengths.count > 35)
        for length in lengths.sorted() {
            let path = try folder.write("cut.atn", file.prefix(length))
            let run = try Program.runEdge.run([path, "--ids", Self.input])
            run.expectRefusal(3, naming: [path])
        }
    }

    @Test("A flipped bit is detected or changes nothing", arguments: ["int8", "float"])
    func flippedBitsAreDetectedOrHarmless(preset: String) throws {
        let file = try container(preset)
        let folder = try TemporaryFolder()
        let expected = try Program.runEdge.run(
            [folder.write("whole.atn", file), "--ids", Self.input])
        try expected.expectDone()
        var generator = Sequence64(seed: preset == "int8" ? 1 : 2)
        for step in 0..<110 {
            // Half of the flips hit the header and the directory, where few bytes mean much.
            let start = step % 2 == 0 ? 0 : directoryOffset(of: file)
            var bit = Int(generator.next() % UInt64((file.count - start) * 8)) + start * 8
            if step % 10 == 1 { bit %= 128 * 8 }
            var damaged = file
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let path = try folder.write("flipped.atn", damaged)
            let run = try Program.runEdge.run([path, "--ids", Self.input])
            if run.end == .exited(0) {
                #expect(run.output == expected.output, "bit \(bit)")
            } else {
                run.expectRefusal(3, naming: [path])
            }
        }
    }

    @Test("info finds every flipped bit of the contents")
    func infoFindsEveryFlip() throws {
        let file = try container("int8")
        let folder = try TemporaryFolder()
        var generator = Sequence64(seed: 3)
        for _ in 0..<40 {
            let bit = Int(generator.next() % UInt64(file.count * 8))
            var damaged = file
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let path = try folder.write("flipped.atn", damaged)
            try Program.runEdge.run(["info", path]).expectRefusal(3, naming: [path])
            try Program.compress.run(["inspect", path]).expectRefusal(3, naming: [path])
        }
    }

    @Test("Damage that an input finds in the middle of a file of inputs ends the run")
    func damageFoundLateEndsTheRun() throws {
        let folder = try TemporaryFolder()
        let path = try Self.damagedWords(in: folder)
        let run = try Program.runEdge.run(
            [path, "--input", "-"], input: Array("{\"ids\":[0]}\n{\"ids\":[1]}\n".utf8))
        run.expectRefusal(3, naming: [path, "chunk"])
    }

    @Test("What is no container is refused with the reason")
    func whatIsNoContainerIsRefused() throws {
        let folder = try TemporaryFolder()
        let file = try container("int8")
        let unix = String(decoding: file.map { $0 & 0x7f }, as: UTF8.self)
        var noReturns: [UInt8] = []
        for byte in file where !(byte == 0x0d) { noReturns.append(byte) }
        let cases: [(path: String, words: [String])] = [
            ("\(folder.path)/missing.atn", ["No such file"]),
            (folder.path, ["directory"]),
            (try folder.write("empty.atn", []), []),
            (try folder.write("short.atn", file.prefix(5)), []),
            (try folder.write("text.atn", "hello world\n".utf8), ["container"]),
            (try folder.write("noise.atn", (0..<999).map { UInt8($0 * 7 & 0xff) }), ["container"]),
            (try folder.write("stripped.atn", unix.utf8), ["text"]),
            (try folder.write("unix.atn", noReturns), ["text"]),
            ("\(TinyBert.plain.folder)/model.safetensors", ["container"]),
            ("/dev/null", []),
        ]
        for (path, words) in cases {
            for arguments in [
                [path, "--ids", "1"], ["info", path], ["bench", path, "--seconds", "0"],
                ["tokenize", path, "--text", "a"],
            ] {
                try Program.runEdge.run(arguments).expectRefusal(3, naming: [path] + words)
            }
        }
    }

    /// Writes a container in which the first words of the table are damaged, which only an input
    /// that has one of them can find.
    static func damagedWords(in folder: TemporaryFolder) throws -> String {
        var file = try CompressedModels.bytes(of: .plain, preset: "float")
        let inspect = try Program.compress.run(
            ["inspect", CompressedModels.path(of: .plain, preset: "float"), "--json"])
        let tensors = try #require(try inspect.json()["tensors"] as? [[String: Any]])
        // The table of words is read row by row; its tensor starts 64 bytes aligned after those
        // before it.
        var offset = 128
        for tensor in tensors {
            if tensor["name"] as? String == "embeddings.word_embeddings.weight" { break }
            offset += (try #require(tensor["bytes"] as? Int) + 63) / 64 * 64
        }
        file[offset + 5] ^= 0x10
        return try folder.write("damaged.atn", file)
    }

    private func container(_ preset: String) throws -> [UInt8] {
        try CompressedModels.bytes(of: .plain, preset: preset)
    }

    private func integer(_ file: [UInt8], at offset: Int, byteCount: Int) -> Int {
        file[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private func directoryOffset(of file: [UInt8]) -> Int {
        integer(file, at: 32, byteCount: 8)
    }

    /// Starts of the directory, of its sections and of their payloads (formats/container.md).
    private func sectionBoundaries(of file: [UInt8]) -> [Int] {
        var position = directoryOffset(of: file)
        var boundaries = [position]
        while position < file.count {
            let size = integer(file, at: position + 8, byteCount: 8)
            boundaries.append(position + 16)
            position += 16 + (size + 7) / 8 * 8
            boundaries.append(position)
        }
        return boundaries
    }
}
