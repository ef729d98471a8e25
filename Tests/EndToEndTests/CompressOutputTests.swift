import Foundation
import Testing

/// What `compress` writes and says.
@Suite struct CompressOutputTests {
    @Test("The same checkpoint gives the same bytes", arguments: ["int8", "float"])
    func containersAreDeterministic(preset: String) throws {
        let folder = try TemporaryFolder()
        for model in TinyBert.allCases {
            var files: [[UInt8]] = []
            for (index, threads) in [[], [], ["--threads", "1"], ["--threads", "7"]].enumerated() {
                let name = "\(model)-\(index).atn"
                try Program.compress.run(
                    [model.folder, "-o", "\(folder.path)/\(name)", "--preset", preset] + threads
                ).expectDone()
                files.append(try folder.read(name))
            }
            #expect(Set(files).count == 1, "\(model)")
        }
    }

    @Test("A copy of the checkpoint elsewhere gives the same bytes")
    func containersDoNotDependOnWhereTheCheckpointLies() throws {
        let copy = try CheckpointCopy(of: .plain)
        let output = "\(copy.folder.path)/model.atn"
        try Program.compress.run([copy.folder.path, "-o", output]).expectDone()
        let original = try CompressedModels.bytes(of: .plain, preset: "int8")
        #expect(try copy.folder.read("model.atn") == original)
    }

    @Test("The table has a line for every group of tensors and the total")
    func theTableMentionsEveryGroup() throws {
        let folder = try TemporaryFolder()
        let output = "\(folder.path)/model.atn"
        let run = try Program.compress.run([TinyBert.classifier.folder, "-o", output])
        try run.expectDone()
        let parts = try SafetensorsParts(
            CheckpointCopy(of: .classifier).folder.read("model.safetensors"))
        for name in parts.entries.keys {
            let group = name.replacing(#/\.\d+\./#, with: ".*.").replacing("bert.", with: "")
            #expect(
                run.lines.contains { $0.hasPrefix("\(group) ") }, "\(group) in\n\(run.outputText)")
        }
        #expect(run.lines.contains { $0.hasPrefix("total ") })
        let last = try #require(run.lines.last)
        let size = try folder.read("model.atn").count
        #expect(last.hasPrefix("\(output): \(size) bytes"))
    }

    @Test("--json prints one document, and notes go to standard error")
    func jsonIsTheOnlyThingOnStandardOutput() throws {
        let folder = try TemporaryFolder()
        let output = "\(folder.path)/model.atn"
        let run = try Program.compress.run([TinyBert.plain.folder, "-o", output, "--json"])
        try run.expectDone()
        #expect(run.lines.count == 1)
        let json = try run.json()
        #expect(json["output_bytes"] as? Int == (try folder.read("model.atn").count))
        #expect(json["recipe"] as? String == "int8")
        // The fixture has no tokenizer, which is worth a note.
        run.expectOneLine(naming: ["warning", "tokenizer"])

        let info = try Program.runEdge.run(["info", output, "--json"])
        try info.expectDone()
        #expect(
            try info.json()["content_sha256"] as? String == json["content_sha256"] as? String)
        #expect(try folder.names == ["model.atn"])
    }

    @Test("The groups of --json add up to the tensors of the container")
    func groupsCountEveryTensor() throws {
        let folder = try TemporaryFolder()
        for preset in ["int8", "float"] {
            let output = "\(folder.path)/\(preset).atn"
            let run = try Program.compress.run(
                [TinyBert.plain.folder, "-o", output, "--preset", preset, "--json"])
            let groups = try #require(try run.json()["groups"] as? [[String: Any]])
            let after = groups.compactMap { $0["bytes_after"] as? Int }.reduce(0, +)
            let inspect = try Program.compress.run(["inspect", output, "--json"])
            try inspect.expectDone()
            let tensors = try #require(try inspect.json()["tensors"] as? [[String: Any]])
            #expect(tensors.compactMap { $0["bytes"] as? Int }.reduce(0, +) == after)
            for group in groups {
                let ratio = group["signal_to_noise_db"] as? Double
                if preset == "float" { #expect(ratio == nil) }
                if let ratio { #expect(ratio > 30) }
            }
        }
    }

    @Test("What nothing reads stays out of the file and is named")
    func whatNothingReadsIsLeftOut() throws {
        let folder = try TemporaryFolder()
        let output = "\(folder.path)/model.atn"
        // The checkpoint of a language model: its head is in no file, whatever the task.
        let run = try Program.compress.run([TinyBert.prefixed.folder, "-o", output, "--json"])
        let leftOut = try #require(try run.json()["left_out"] as? [String])
        #expect(leftOut.contains { $0.hasPrefix("cls.predictions.") })
        let inspect = try Program.compress.run(["inspect", output, "--json"]).json()
        let tensors = try #require(inspect["tensors"] as? [[String: Any]])
        let names = tensors.compactMap { $0["name"] as? String }
        #expect(!names.isEmpty && !names.contains { $0.hasPrefix("cls.") })

        let plain = try Program.compress.run([TinyBert.plain.folder, "-o", output])
        #expect(
            plain.lines.contains(
                "left out, since nothing reads it: pooler.dense.bias, pooler.dense.weight"))
        let classifier = try Program.compress.run([TinyBert.classifier.folder, "-o", output])
        #expect(!classifier.outputText.contains("left out"))
    }

    @Test("An existing output is replaced, and a relative path works")
    func anExistingOutputIsReplaced() throws {
        let folder = try TemporaryFolder()
        try folder.write("model.atn", "old".utf8)
        let output = "\(folder.path)/./model.atn"
        try Program.compress.run([TinyBert.plain.folder, "--output=\(output)"]).expectDone()
        let original = try CompressedModels.bytes(of: .plain, preset: "int8")
        #expect(try folder.read("model.atn") == original)
        #expect(try folder.names == ["model.atn"])
    }

    @Test("A bare weight file with config.json beside it is a checkpoint")
    func aBareWeightFileIsACheckpoint() throws {
        let folder = try TemporaryFolder()
        let output = "\(folder.path)/model.atn"
        try Program.compress.run(
            ["\(TinyBert.plain.folder)/model.safetensors", "-o", output]
        ).expectDone()
        try Program.runEdge.run([output, "--ids", "1,2,3"]).expectDone()
    }

    @Test("inspect shows a checkpoint and its container")
    func inspectShowsBoth() throws {
        let container = try CompressedModels.path(of: .classifier, preset: "int8")
        for path in [TinyBert.classifier.folder, container] {
            let run = try Program.compress.run(["inspect", path, "--json"])
            try run.expectDone()
            let json = try run.json()
            #expect(json["family"] as? String == "bert")
            #expect(json["heads per layer"] as? String == "4×8 4×8")
            #expect(json["labels"] as? String == "no, perhaps, yes")
            let tensors = try #require(json["tensors"] as? [[String: Any]])
            #expect(!tensors.isEmpty)
            for tensor in tensors {
                let encodings = tensor["encodings"] as? [String]
                #expect(Set(encodings ?? []).isSubset(of: ["raw", "zstd", "sparse"]))
                #expect((encodings != nil) == (path == container))
            }
        }
    }
}
