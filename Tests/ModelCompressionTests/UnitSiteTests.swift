import Checkpoints
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct UnitSiteTests {
    private func names(_ site: UnitSite, _ model: Model) -> [String] {
        (site.producers.map(\.node) + [site.middle, site.output]).map {
            model.graph.nodes[$0].name
        }
    }

    @Test func everyLayerHasHeadsAndNeurons() throws {
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.plain))
        let sites = UnitSite.sites(of: model.graph)
        #expect(sites.map(\.kind) == [.heads, .neurons, .heads, .neurons])
        #expect(sites.map(\.unitCount) == [4, 64, 4, 64])
        #expect(sites.map(\.columnsPerUnit) == [8, 1, 8, 1])
        #expect(sites[2].producers.map(\.rowsPerUnit) == [8, 8, 8])
        #expect(sites[3].producers.map(\.rowsPerUnit) == [1])
        let layer = "encoder.layer.1."
        #expect(
            names(sites[2], model)
                == ["self.query", "self.key", "self.value", "self", "output.dense"].map {
                    layer + "attention." + $0
                })
        #expect(
            names(sites[3], model)
                == ["intermediate.dense", "intermediate.activation", "output.dense"].map {
                    layer + $0
                })
        #expect(sites[0].columns(of: [0, 3]) == Array(0..<8) + Array(24..<32))
        #expect(sites[1].columns(of: [5, 63]) == [5, 63])
    }

    @Test func headsThatShareKeysAndValuesAreOneUnit() throws {
        let model = try UnitModel().model()
        let site = try model.site("0.output")
        #expect(site.kind == .heads && site.unitCount == 3)
        // Two heads with five columns each, and their queries of three.
        #expect(site.columnsPerUnit == 10)
        #expect(site.producers.map(\.rowsPerUnit) == [6, 3, 5])
        #expect(names(site, model) == ["0.query", "0.key", "0.value", "0.attention", "0.output"])
        #expect(site.columns(of: [1]) == Array(10..<20))
    }

    @Test func oneKeyForAllHeadsIsOneUnit() throws {
        let site = try UnitModel(heads: 4, keyValueHeads: 1).model().site("0.output")
        #expect(site.unitCount == 1 && site.columnsPerUnit == 20)
        #expect(site.producers.map(\.rowsPerUnit) == [12, 3, 5])
    }

    @Test func unitsThatSomethingElseReadsCannotLeave() throws {
        let model = try UnitModel().model()
        for name in ["0.query", "0.key", "0.value", "0.attention", "0.inner", "0.activation"] {
            var graph = model.graph
            graph.outputs[.pooled] = try model.node(name).output
            let isHeads = ["0.query", "0.key", "0.value", "0.attention"].contains(name)
            #expect(UnitSite.sites(of: graph).map(\.kind) == [isHeads ? .neurons : .heads])
        }
        // Keys that are values, too.
        var graph = model.graph
        let index = try #require(graph.nodes.firstIndex { $0.name == "0.attention" })
        graph.nodes[index].inputs[2] = graph.nodes[index].inputs[1]
        #expect(UnitSite.sites(of: graph).map(\.kind) == [.neurons])
        // A product that is not there.
        graph = model.graph
        graph.nodes[index].inputs[0] = try model.node("embeddings").output
        #expect(UnitSite.sites(of: graph).map(\.kind) == [.neurons])
    }

    // MARK: - Costs

    @Test func unitsCostWhatTheyMultiply() throws {
        let model = try UnitModel().model()
        let read = RowsRead(model.graph, outputs: model.graph.outputs.values)
        let heads = try model.site("0.output").unitCost(in: model.graph, read: read, tokens: 10)
        // Query, key, value and output, then the two heads' scores and sums.
        #expect(heads == 10 * 8 * (6 + 3 + 5 + 10) + 10 * 10 * 2 * (3 + 5))
        let neurons = try model.site("0.outer").unitCost(in: model.graph, read: read, tokens: 10)
        #expect(neurons == 10 * 8 * 2)
    }

    @Test func rowsThatNobodyReadsCostNothing() throws {
        let model = try UnitModel(task: .classify, layers: 2).model()
        let read = RowsRead(model.graph, outputs: model.graph.outputs.values)
        func cost(_ name: String) throws -> Int {
            try model.site(name).unitCost(in: model.graph, read: read, tokens: 10)
        }
        // All of the first layer is read by the keys and values of the second, of which the
        // classifier reads the first row.
        #expect(try cost("0.output") == 10 * 8 * (6 + 3 + 5 + 10) + 10 * 10 * 2 * (3 + 5))
        #expect(try cost("0.outer") == 10 * 8 * 2)
        #expect(try cost("1.output") == 8 * (6 + 10) + 10 * 8 * (3 + 5) + 10 * 2 * (3 + 5))
        #expect(try cost("1.outer") == 8 * 2)
    }

    @Test func costsAddUpToThoseOfTheShapes() throws {
        let tiny = try Model(checkpoint: Checkpoint(path: TinyFixture.plain))
        for model in [tiny, try UnitModel(layers: 3).model()] {
            let state = try #require(model.graph.outputs[.hiddenState])
            let read = RowsRead(model.graph, outputs: [state])
            let sum = UnitSite.sites(of: model.graph).reduce(0) {
                $0 + $1.unitCount * $1.unitCost(in: model.graph, read: read, tokens: 7)
            }
            #expect(try sum == model.multiplyAccumulates(tokens: 7))
        }
    }

    // MARK: - Groups that leave

    @Test func sharedHeadsAreHeadsWithEqualKeysAndValues() throws {
        let shared = try UnitModel().model()
        var whole = try UnitModel(heads: 6, keyValueHeads: 6).model()
        for (name, parameter) in shared.parameters {
            let tensor = try parameter.floats(in: shared.checkpoint)
            let rows: Int? =
                name.hasPrefix("0.key") ? 3 : name.hasPrefix("0.value") ? 5 : nil
            guard let rows else {
                whole.set(name, tensor)
                continue
            }
            // Heads 0 and 1 read the first keys, 2 and 3 the second, 4 and 5 the third.
            let order = [0, 0, 1, 1, 2, 2].flatMap { $0 * rows..<($0 + 1) * rows }
            if tensor.shape.count == 2 {
                whole.set(name, tensor.selectingRows(order))
            } else {
                whole.set(
                    name, Tensor(shape: [order.count], values: order.map { tensor.values[$0] }))
            }
        }
        try whole.validate()
        let sequences = UnitModel.calibration(9).sequences
        #expect(difference(try shared.answer(sequences), try whole.answer(sequences)) < 1e-5)
    }

    @Test(arguments: [[0], [1], [2], [0, 2], [1, 2], []] as [[Int]])
    func groupsThatLeaveAreGroupsThatAreMasked(kept: [Int]) throws {
        for task in [ModelTask.raw, .embed, .classify] {
            let model = try UnitModel(task: task, layers: 2).model()
            for name in ["0.output", "1.output"] {
                let site = try model.site(name)
                let linear = try model.linear(name)
                var left = model
                try left.keep(
                    kept, of: site,
                    weight: model.floats(linear.weight).selectingColumns(site.columns(of: kept)),
                    bias: model.floats(try #require(linear.bias)))
                try left.validate()
                let attention = try left.attention(String(name.prefix(2)) + "attention")
                #expect(attention.keyValueHeadCount == kept.count)
                #expect(attention.headCount == 2 * kept.count)
                let gone = Set(0..<3).subtracting(kept).sorted()
                let masked = try model.masking(site.columns(of: gone), ofProduct: name)
                let sequences = UnitModel.calibration(8).sequences
                #expect(
                    difference(try left.answer(sequences), try masked.answer(sequences)) < 1e-5)
                #expect(
                    difference(try left.answer(sequences), try model.answer(sequences)) > 1e-3)
            }
        }
    }

    @Test func columnsThatAreLeftAreCountedAsTheyWere() throws {
        var model = try UnitModel().model()
        func keep(_ units: [Int]) throws {
            let site = try model.site("0.output")
            let linear = try model.linear("0.output")
            try model.keep(
                units, of: site,
                weight: model.floats(linear.weight).selectingColumns(site.columns(of: units)),
                bias: model.floats(try #require(linear.bias)))
            try model.validate()
        }
        func kept(_ name: String) throws -> [Int]? {
            model.graph[try model.node(name).output].keptColumns
        }
        #expect(try kept("0.query") == nil)
        try keep([1, 2])
        #expect(try kept("0.query") == Array(6..<18))
        // Of those two, the second.
        try keep([1])
        #expect(try kept("0.query") == Array(12..<18))
        #expect(try kept("0.key") == Array(6..<9))
        #expect(try kept("0.value") == Array(10..<15))
        #expect(try kept("0.attention") == Array(20..<30))
        #expect(try kept("0.output") == nil)
        try keep([])
        #expect(try kept("0.attention") == [])
        #expect(UnitSite.sites(of: model.graph).map(\.kind) == [.neurons])
    }
}
