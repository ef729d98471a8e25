import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

@Suite struct BertTests {
    let bert: TinyBert

    init() throws {
        bert = try TinyBert()
    }

    // MARK: - Tasks

    @Test func aPlainEncoderIsRawWithItsPooler() throws {
        let model = try bert.model()
        #expect(model.family == "bert" && model.task == .raw)
        #expect(Set(model.graph.outputs.keys) == [.hiddenState, .pooled])
        #expect(model.vocabularySize == 20 && model.typeCount == 2 && model.maximumTokens == 10)
        #expect(model.unusedTensors.isEmpty && model.labels.isEmpty)
        #expect(model.graph.nodes.first?.name == "embeddings")
        #expect(model.parameters.count == bert.tensors.count)
    }

    @Test func anEncoderWithoutPoolerGivesItsHiddenState() throws {
        bert.tensors["pooler.dense.weight"] = nil
        bert.tensors["pooler.dense.bias"] = nil
        #expect(Set(try bert.model().graph.outputs.keys) == [.hiddenState])
    }

    @Test func aClassifierKeepsTheOrderOfItsLabels() throws {
        bert.addClassifier(labels: 11)
        var labels: [String: String] = [:]
        for index in 0..<11 { labels[String(index)] = "class \(index)" }
        bert.configuration["id2label"] = labels
        let model = try bert.model()
        #expect(model.task == .classify)
        #expect(model.labels == (0..<11).map { "class \($0)" })
        #expect(Set(model.graph.outputs.keys) == [.hiddenState, .logits])
    }

    @Test func labelsWithoutNamesAreNumbered() throws {
        bert.addClassifier(labels: 2)
        #expect(try bert.model().labels == ["LABEL_0", "LABEL_1"])
    }

    @Test func labelsMustFitTheClassifier() throws {
        bert.addClassifier(labels: 2)
        bert.configuration["id2label"] = ["0": "a"]
        expect(.labelCountMismatch(labels: 1, outputs: 2))
        bert.configuration["id2label"] = ["0": "a", "2": "b"]
        expect(
            .malformedField(
                file: "config.json", field: "id2label", expected: "an object with the key 1",
                found: "none"))
        bert.configuration["id2label"] = ["0": "a", "1": 7] as [String: Any]
        expect(
            .malformedField(
                file: "config.json", field: "id2label.1", expected: "a string", found: "7"))
    }

    @Test func sentenceTransformersEmbed() throws {
        try bert.addModules()
        try bert.addPooling(["mean_tokens"])
        try bert.writeJSON("sentence_bert_config.json", ["max_seq_length": 6])
        let model = try bert.model()
        #expect(model.task == .embed)
        #expect(Set(model.graph.outputs.keys) == [.hiddenState, .embedding])
        #expect(model.maximumTokens == 6)
        #expect(model.unusedTensors == ["pooler.dense.bias", "pooler.dense.weight"])
        let operations = model.graph.nodes.suffix(2).map(\.operation)
        #expect(operations == [.pool(.mean), .normalizeL2(epsilon: 1e-12)])
    }

    @Test(arguments: [("cls_token", Pooling.firstRow), ("max_tokens", .maximum)])
    func otherPoolingsAreTaken(mode: String, pooling: Pooling) throws {
        try bert.addModules(["Transformer", "Pooling"])
        try bert.addPooling([mode])
        #expect(try bert.model().graph.nodes.last?.operation == .pool(pooling))
        try bert.writeJSON(
            "1_Pooling/config.json", ["pooling_mode": String(mode.prefix { $0 != "_" })])
        #expect(try bert.model().graph.nodes.last?.operation == .pool(pooling))
    }

    @Test func poolingsThatAreNotSupportedAreNamed() throws {
        try bert.addModules()
        try bert.addPooling(["cls_token", "mean_tokens"])
        #expect {
            try bert.model()
        } throws: { error in
            guard case .unsupportedPooling(let modes) = error as? ModelError else { return false }
            return Set(modes) == ["cls_token", "mean"]
        }
        try bert.addPooling(["mean_sqrt_len_tokens"])
        expect(.unsupportedPooling(["mean_sqrt_len"]))
        try bert.addPooling([])
        expect(.unsupportedPooling([]))
        try bert.addPooling(["mean_tokens"], dimension: 9)
        expect(.contradiction(field: "word_embedding_dimension", configured: 9, found: 8))
    }

    @Test func modulesThatAreNotSupportedAreNamed() throws {
        try bert.addModules(["Transformer", "Pooling", "Dense"])
        try bert.addPooling(["mean_tokens"])
        expect(.unsupportedModule("Dense"))
        #expect(try bert.model(task: .raw).task == .raw)
        try bert.addModules(["Transformer", "Normalize", "Pooling"])
        expect(.unsupportedModule("Normalize"))
    }

    @Test func modulesNeedTheirFilesAndAreAnArray() throws {
        try bert.addModules()
        expect(.checkpoint(.notFound(path: "1_Pooling/config.json")))
        try bert.writeJSON(
            "modules.json",
            ["", "../x"].map { ["type": $0.isEmpty ? "a.Transformer" : "a.Pooling", "path": $0] })
        expect(
            .malformedField(
                file: "modules.json", field: "path", expected: "the name of a folder",
                found: "'../x'"))
        try bert.writeJSON("modules.json", [:] as [String: String])
        expect(
            .malformedField(
                file: "modules.json", field: "the document", expected: "an array",
                found: "an object"))
    }

    @Test func tasksNeedTheirParts() throws {
        expect(.taskUnavailable(.classify, missing: "pooler and classifier"), task: .classify)
        expect(.taskUnavailable(.embed, missing: "sentence-transformers pooling"), task: .embed)
    }

    @Test(arguments: ["BertForTokenClassification", "BertForQuestionAnswering"])
    func otherHeadsAreRefusedUnlessOnlyTheEncoderIsWanted(architecture: String) throws {
        bert.configuration["architectures"] = [architecture]
        bert.addLinear("classifier", 3, TinyBert.columns)
        expect(.unsupportedHead(architecture: architecture))
        expect(.unsupportedHead(architecture: architecture), task: .classify)
        let model = try bert.model(task: .raw)
        #expect(model.unusedTensors == ["classifier.bias", "classifier.weight"])
    }

    // MARK: - Names

    @Test func prefixedAndOldNamesGiveTheSameModel() throws {
        let expected = try outputs(try bert.model())
        bert.rename { "bert." + $0 }
        #expect(try outputs(try bert.model()) == expected)
        bert.rename {
            guard $0.contains("LayerNorm") else { return $0 }
            return $0.hasSuffix("weight") ? $0.dropLast(6) + "gamma" : $0.dropLast(4) + "beta"
        }
        bert.add("cls.predictions.bias", [20])
        bert.add("bert.embeddings.position_ids", [1, 10])
        let model = try bert.model()
        #expect(try outputs(model) == expected)
        #expect(model.unusedTensors == ["bert.embeddings.position_ids", "cls.predictions.bias"])
    }

    // MARK: - Sizes from tensors

    @Test func headsAndNeuronsMayLeaveOneLayer() throws {
        // Without the second head's columns of the output projection, the head has no say.
        let full = try TinyBert()
        let projection = "encoder.layer.1.attention.output.dense.weight"
        let inner = "encoder.layer.0.output.dense.weight"
        for (name, kept) in [(projection, 4), (inner, 5)] {
            let tensor = try #require(full.tensors[name])
            let values = tensor.values.enumerated().map {
                $0.offset % tensor.columnCount < kept ? $0.element : 0
            }
            full.tensors[name] = Tensor(shape: tensor.shape, values: values)
        }
        for part in ["query", "key", "value"] {
            try bert.keep(outputs: 0..<4, of: "encoder.layer.1.attention.self.\(part)")
        }
        try bert.keep(inputs: 0..<4, of: "encoder.layer.1.attention.output.dense")
        try bert.keep(outputs: 0..<5, of: "encoder.layer.0.intermediate.dense")
        try bert.keep(inputs: 0..<5, of: "encoder.layer.0.output.dense")
        let pruned = try bert.model()
        let heads = pruned.graph.nodes.compactMap { node in
            if case .attention(let attention) = node.operation { attention.headCount } else { nil }
        }
        #expect(heads == [2, 1])
        let expected = try outputs(try full.model())
        for (role, tensor) in try outputs(pruned) {
            let reference = try #require(expected[role])
            #expect(reference.signalToNoiseRatio(ofApproximation: tensor) > 110)
        }
    }

    @Test func layersWithoutHeadsOrNeuronsRun() throws {
        for part in ["query", "key", "value"] {
            try bert.keep(outputs: 0..<0, of: "encoder.layer.1.attention.self.\(part)")
        }
        try bert.keep(inputs: 0..<0, of: "encoder.layer.1.attention.output.dense")
        try bert.keep(outputs: 0..<0, of: "encoder.layer.0.intermediate.dense")
        try bert.keep(inputs: 0..<0, of: "encoder.layer.0.output.dense")
        #expect(try outputs(try bert.model())[.hiddenState]?.nonFiniteCount == 0)
    }

    @Test func wrongShapesAreNamed() throws {
        let name = "encoder.layer.0.attention.output.dense.weight"
        bert.add(name, [8, 7])
        expect(.wrongShape(tensor: name, expected: TensorPattern([8, 8]), found: [8, 7]))
        bert.add(name, [64])
        expect(.wrongShape(tensor: name, expected: TensorPattern([8, 8]), found: [64]))
        #expect(
            ModelError.wrongShape(
                tensor: "a", expected: TensorPattern([nil, 8]), found: [4]
            ).description == "tensor 'a': expected shape [any, 8], found [4]")
    }

    @Test func missingTensorsAreNamed() throws {
        let all = bert.tensors
        for name in all.keys where !name.hasPrefix("embeddings.token_type") {
            bert.tensors = all
            bert.tensors[name] = nil
            if name == "pooler.dense.weight" { continue }
            #expect {
                try bert.model()
            } throws: { error in
                guard case .missingTensor(name, _) = error as? ModelError else { return false }
                return true
            }
        }
    }

    @Test func layersMustBeWhole() throws {
        bert.rename { $0.replacing("layer.1.", with: "layer.3.") }
        expect(.missingLayer(1, layerCount: 2))
    }

    @Test func widthsMustFitTheHeads() throws {
        try bert.keep(outputs: 0..<3, of: "encoder.layer.0.attention.self.query")
        expect(
            .widthNotDivisible(
                tensor: "encoder.layer.0.attention.self.query.weight", width: 3, by: 4))
    }

    @Test func valueWidthsMustFitTheHeads() throws {
        try bert.keep(outputs: 0..<7, of: "encoder.layer.0.attention.self.value")
        expect(
            .widthNotDivisible(
                tensor: "encoder.layer.0.attention.self.value.weight", width: 7, by: 2))
    }

    // MARK: - Configuration

    @Test func aMissingConfigurationIsNamed() throws {
        _ = try bert.checkpoint()
        try #require(unlinked("config.json"))
        let checkpoint = try Checkpoint(path: bert.path + "/model.safetensors")
        #expect(throws: ModelError.noConfiguration(path: checkpoint.path)) {
            try Model(checkpoint: checkpoint)
        }
    }

    @Test func otherArchitecturesAreNamed() {
        bert.configuration["model_type"] = "mamba"
        expect(.unsupportedArchitecture("mamba"))
        bert.configuration["model_type"] = nil
        bert.configuration["architectures"] = ["MambaModel"]
        expect(.unsupportedArchitecture("MambaModel"))
    }

    @Test func theArchitectureStandsInForAMissingModelType() throws {
        bert.configuration["model_type"] = nil
        #expect(try bert.model().family == "bert")
    }

    @Test(arguments: [
        ("hidden_act", "mish", "gelu, gelu_new, relu, silu, tanh, sigmoid"),
        ("position_embedding_type", "relative_key", "absolute"),
    ])
    func unsupportedValuesAreNamed(field: String, value: String, supported: String) {
        bert.configuration[field] = value
        expect(
            .unsupportedValue(
                file: "config.json", field: field, value: value, supported: supported))
    }

    @Test(arguments: ["is_decoder", "add_cross_attention"])
    func decodersAreRefused(field: String) {
        bert.configuration[field] = true
        expect(
            .unsupportedValue(
                file: "config.json", field: field, value: "true", supported: "false"))
    }

    @Test func crossAttentionIsRefused() {
        let name = "encoder.layer.0.crossattention.self.query.weight"
        bert.add(name, [8, 8])
        expect(.crossAttention(tensor: name))
    }

    @Test func contradictionsAreNamed() {
        bert.configuration["num_hidden_layers"] = 3
        expect(.contradiction(field: "num_hidden_layers", configured: 3, found: 2))
        bert.configuration["hidden_size"] = 16
        expect(.contradiction(field: "hidden_size", configured: 16, found: 8))
        bert.configuration["hidden_size"] = 8
        bert.configuration["num_attention_heads"] = 3
        expect(
            .widthNotDivisible(
                tensor: "embeddings.word_embeddings.weight", width: 8, by: 3))
    }

    @Test func fieldsOfTheWrongKindAreNamed() {
        for (field, value, expected, found) in [
            ("num_attention_heads", "2" as Any, "a positive integer", "'2'"),
            ("num_attention_heads", 0, "a positive integer", "0"),
            ("hidden_act", 3, "a string", "3"), ("is_decoder", "no", "a boolean", "'no'"),
            ("layer_norm_eps", -1, "a positive number", "-1"),
            ("architectures", "BertModel", "an array of strings", "'BertModel'"),
        ] {
            let before = bert.configuration
            bert.configuration[field] = value
            expect(
                .malformedField(
                    file: "config.json", field: field, expected: expected, found: found))
            bert.configuration = before
        }
        bert.configuration["num_attention_heads"] = nil
        expect(
            .malformedField(
                file: "config.json", field: "num_attention_heads",
                expected: "a positive integer", found: "nothing"))
    }

    // MARK: - Parts

    private func outputs(_ model: Model) throws -> [OutputRole: Tensor] {
        try ReferenceExecutor(model: model, threadCount: 1).run(
            tokenIDs: [3, 19, 0, 7], typeIDs: [0, 0, 1, 1])
    }

    private func unlinked(_ name: String) -> Bool {
        (bert.path + "/" + name).withCString { remove($0) } == 0
    }

    private func expect(
        _ error: ModelError, task: ModelTask? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) { try bert.model(task: task) }
        #expect(
            !error.description.isEmpty && !error.description.contains("\n"),
            sourceLocation: sourceLocation)
    }
}
