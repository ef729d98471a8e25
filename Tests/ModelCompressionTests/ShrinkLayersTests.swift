import Checkpoints
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

/// The passes that remove units: `ShrinkLayers`, `DropHeads`, `DropNeurons` and `DropLayers`.
@Suite struct ShrinkLayersTests {
    private let calibration = TinyFixture.calibration(32)

    private func tiny() throws -> Model {
        try Model(checkpoint: Checkpoint(path: TinyFixture.plain))
    }

    private func apply(
        _ pass: some CompressionPass, to model: Model, original: Model? = nil,
        _ calibration: CalibrationSet?
    ) throws -> (model: Model, record: PassRecord) {
        var left = model
        let record = try pass.apply(
            to: &left,
            context: PassContext(
                original: original ?? model, calibration: calibration, threadCount: 1))
        try left.validate()
        #expect(try left.answer(TinyFixture.calibration(4).sequences).nonFiniteCount == 0)
        return (left, record)
    }

    /// Widths of products, attention and kept columns that hang together.
    private func expectConsistent(
        _ model: Model, _ original: Model, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for (node, before) in zip(model.graph.nodes, original.graph.nodes) {
            #expect(node.name == before.name, sourceLocation: sourceLocation)
            let (value, whole) = (model.graph[node.output], original.graph[before.output])
            if let kept = value.keptColumns {
                #expect(kept.count == value.columnCount, sourceLocation: sourceLocation)
                #expect(kept == Array(Set(kept)).sorted(), sourceLocation: sourceLocation)
                #expect(
                    kept.allSatisfy { (0..<whole.columnCount).contains($0) },
                    sourceLocation: sourceLocation)
            } else {
                #expect(value.columnCount == whole.columnCount, sourceLocation: sourceLocation)
            }
            if case .attention(let attention) = node.operation {
                #expect(
                    attention.headCount * attention.valueSize == value.columnCount,
                    sourceLocation: sourceLocation)
            }
        }
    }

    // MARK: - shrink

    @Test(arguments: [0.9, 0.6, 0.35])
    func onlyTheShareThatIsAskedForIsLeft(keep: Double) throws {
        let model = try tiny()
        var pass = ShrinkLayers()
        pass.keep = keep
        pass.tokens = 20
        let (left, record) = try apply(pass, to: model, calibration)
        try expectConsistent(left, model)
        let (found, whole) = (
            try left.multiplyAccumulates(tokens: 20), try model.multiplyAccumulates(tokens: 20)
        )
        let share = Double(found) / Double(whole)
        #expect(share <= keep + 1e-9 && share > keep - 0.1)
        #expect(!record.changes.isEmpty && record.seconds > 0)
        let percent = (1000 * share).rounded() / 10
        #expect(record.notes.contains { $0.hasPrefix("\(percent) % of the multiply-accumulates") })
    }

    @Test func everythingIsKeptThatMayBe() throws {
        let model = try tiny()
        var pass = ShrinkLayers()
        pass.keep = 1
        let (left, record) = try apply(pass, to: model, calibration)
        #expect(try left.isSame(as: model) && record.changedNothing)
    }

    @Test func lessIsWorse() throws {
        let model = try tiny()
        let others = TinyFixture.calibration(30, seed: 4).sequences
        let exact = try model.answer(others)
        let distances = try [0.9, 0.5, 0.15].map { keep in
            var pass = ShrinkLayers()
            pass.keep = keep
            let (left, _) = try apply(pass, to: model, calibration)
            return OutputDistance.distance(try left.answer(others), to: exact, task: .raw)
        }
        #expect(distances[0] < distances[1] && distances[1] < distances[2])
        #expect(distances[2] < 1)
    }

    // MARK: - drop-heads

    @Test(arguments: DropHeads.Score.allCases, [7, 6, 5, 3, 1, 0])
    func soManyHeadsAreLeft(score: DropHeads.Score, count: Int) throws {
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.classifier))
        var pass = DropHeads()
        pass.score = score
        pass.count = count
        let (left, record) = try apply(pass, to: model, calibration)
        #expect(left.unitCount(.heads) == count)
        #expect(left.unitCount(.neurons) == model.unitCount(.neurons))
        try expectConsistent(left, model)
        #expect(!record.changedNothing)
        #expect(record.notes.contains("\(count) of 8 heads left"))
    }

    @Test(arguments: DropHeads.Score.allCases)
    func withAllHeadsNothingChanges(score: DropHeads.Score) throws {
        let model = try tiny()
        var pass = DropHeads()
        pass.score = score
        for (count, share) in [(8, 0.1), (99, 0.1), (nil, 1), (nil, 0.95)] as [(Int?, Double)] {
            pass.count = count
            pass.share = share
            let (left, record) = try apply(pass, to: model, calibration)
            #expect(try left.isSame(as: model) && record.changedNothing)
            #expect(record.notes == ["all 8 heads stay"])
        }
    }

    @Test(arguments: [DropHeads.Score.leaveOneOut, .confidence])
    func theHeadsWithTheLargestScoresStay(score: DropHeads.Score) throws {
        let model = try tiny()
        let context = PassContext(original: model, calibration: calibration, threadCount: 1)
        let scores =
            try score == .confidence
            ? HeadScores.confidence(model, calibration, context)
            : HeadScores.leaveOneOut(model, calibration, context)
        let ranked = scores.flatMap { name, scores in
            scores.enumerated().map { (name: name, unit: $0.offset, score: $0.element) }
        }.sorted { $0.score > $1.score }
        try #require(ranked.count == 8)
        var pass = DropHeads()
        pass.score = score
        for count in [6, 3, 1] {
            pass.count = count
            let (left, _) = try apply(pass, to: model, calibration)
            for name in scores.keys {
                let units = ranked.prefix(count).filter { $0.name == name }.map(\.unit).sorted()
                let middle = try model.graph.nodes[model.site(name).middle].name
                let expected = units.flatMap { $0 * 8..<$0 * 8 + 8 }
                let kept = left.graph[try left.node(middle).output].keptColumns
                #expect(kept == expected || kept == nil && expected.count == 32)
            }
        }
    }

    @Test func groupsOfHeadsAreCountedAsOne() throws {
        let model = try UnitModel(task: .classify, layers: 2).model()
        for score in DropHeads.Score.allCases {
            var pass = DropHeads()
            pass.score = score
            pass.count = 4
            var left = model
            let record = try pass.apply(
                to: &left,
                context: PassContext(
                    original: model, calibration: UnitModel.calibration(24), threadCount: 1))
            try left.validate()
            #expect(left.unitCount(.heads) == 4)
            let heads = try ["0.attention", "1.attention"].map {
                try left.attention($0).headCount
            }
            #expect(heads.reduce(0, +) == 8)
            #expect(record.notes.contains("4 of 6 heads left"))
        }
    }

    @Test("A mean is added to every row, so all rows count alike where nothing is fitted")
    func meansAreOfAllRows() throws {
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.classifier))
        let sequences = TinyFixture.calibration(8, seed: 3).sequences
        for compensation in UnitRemoval.Compensation.allCases {
            var answers: [Tensor] = []
            for share in [0.05, 1] {
                var pass = DropHeads()
                pass.score = .confidence
                pass.share = 0.5
                pass.compensation = compensation
                pass.use.uniformRows = share
                answers.append(try apply(pass, to: model, calibration).model.answer(sequences))
            }
            // The answer reads the first row, so a fit makes a difference between the rows.
            #expect((answers[0] == answers[1]) == (compensation != .refit), "\(compensation)")
        }
    }

    // MARK: - drop-neurons and drop-layers

    @Test(arguments: [0.9, 0.5, 0.2])
    func soManyNeuronsAreLeft(share: Double) throws {
        let model = try tiny()
        var pass = DropNeurons()
        pass.share = share
        let (left, record) = try apply(pass, to: model, calibration)
        try expectConsistent(left, model)
        let count = left.unitCount(.neurons)
        // Four at a time.
        #expect(Double(count) <= share * 128 && Double(count) > share * 128 - 8)
        #expect(left.unitCount(.heads) == 8 && !record.changedNothing)
        #expect(UnitSite.sites(of: left.graph).count == 4)
    }

    @Test func withAllNeuronsNothingChanges() throws {
        let model = try tiny()
        var pass = DropNeurons()
        pass.share = 1
        let (left, record) = try apply(pass, to: model, calibration)
        #expect(try left.isSame(as: model) && record.changedNothing)
    }

    @Test(arguments: [1, 2, 3, 4])
    func soManyBlocksGo(blocks: Int) throws {
        let model = try tiny()
        var pass = DropLayers()
        pass.blocks = blocks
        let (left, record) = try apply(pass, to: model, calibration)
        try expectConsistent(left, model)
        let sites = UnitSite.sites(of: left.graph)
        #expect(sites.count == 4 - blocks)
        #expect(sites.allSatisfy { $0.unitCount == ($0.kind == .heads ? 4 : 64) })
        #expect(record.changes.count == blocks)
        #expect(record.changes.allSatisfy { $0.bytesAfter == 0 })
    }

    @Test func thereAreNoMoreBlocksThanThereAre() throws {
        let model = try tiny()
        var pass = DropLayers()
        pass.blocks = 9
        let (left, record) = try apply(pass, to: model, calibration)
        #expect(UnitSite.sites(of: left.graph).isEmpty && record.changes.count == 4)
        // What is left gives the same whatever it reads.
        let (again, nothing) = try apply(pass, to: left, original: model, calibration)
        #expect(nothing.changedNothing && !nothing.notes.isEmpty)
        #expect(UnitSite.sites(of: again.graph).isEmpty)
    }

    /// The pooler of a classifier has units, too, but no residual connection goes around it.
    @Test func theHeadOfAClassifierIsNoBlock() throws {
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.classifier))
        var pass = DropLayers()
        pass.blocks = 9
        let (left, record) = try apply(pass, to: model, calibration)
        #expect(UnitSite.sites(of: left.graph).isEmpty)
        #expect(record.changes.count == 4)
        #expect(!record.changes.contains { $0.name.contains("classifier") })
    }

    @Test func theCheapestBlockGoesFirst() throws {
        var model = try tiny()
        // The second network gives the same for all.
        let name = "encoder.layer.1.output.dense"
        model = try model.masking(Array(0..<64), ofProduct: name)
        let (left, _) = try apply(DropLayers(), to: model, calibration)
        #expect(
            UnitSite.sites(of: left.graph).map(\.kind) == [.heads, .neurons, .heads])
        let sequences = TinyFixture.calibration(20, seed: 9).sequences
        let distance = OutputDistance.distance(
            try left.answer(sequences), to: try model.answer(sequences), task: .raw)
        #expect(distance < 1e-6)
    }

    // MARK: - All of them

    @Test func oneCanFollowTheOther() throws {
        let model = try tiny()
        var layers = DropLayers()
        layers.blocks = 2
        var heads = DropHeads()
        heads.share = 0.5
        var neurons = DropNeurons()
        neurons.share = 0.5
        let passes: [any CompressionPass] = [layers, heads, neurons, ShrinkLayers()]
        for first in passes {
            for second in passes {
                let (once, _) = try apply(first, to: model, calibration)
                let (twice, _) = try apply(second, to: once, original: model, calibration)
                try expectConsistent(twice, model)
            }
        }
    }

    @Test func passesNeedData() throws {
        let model = try tiny()
        let passes: [any CompressionPass] = [
            ShrinkLayers(), DropHeads(), DropNeurons(), DropLayers(),
        ]
        for pass in passes {
            #expect(
                throws: CompressionError.needsCalibration(pass: type(of: pass).name)
            ) { try apply(pass, to: model, nil) }
        }
    }

    @Test func threadsChangeNoUnit() throws {
        let model = try tiny()
        var pass = ShrinkLayers()
        pass.keep = 0.5
        let graphs = try [1, 2, 1].map { threads in
            var left = model
            _ = try pass.apply(
                to: &left,
                context: PassContext(
                    original: model, calibration: calibration, threadCount: threads))
            return left.graph
        }
        #expect(graphs[0] == graphs[1] && graphs[0] == graphs[2])
    }
}
