import Checkpoints
import ModelGraph
import Testing

@testable import ModelCompression

@Suite struct LinearSiteTests {
    @Test func productsOfOneInputShareASite() throws {
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.plain))
        let names = LinearSite.sites(of: model.graph).map { site in
            site.nodes.map { model.graph.nodes[$0].name }
        }
        let layers = (0..<2).flatMap { layer -> [[String]] in
            let prefix = "encoder.layer.\(layer)."
            return [
                ["query", "key", "value"].map { "\(prefix)attention.self.\($0)" },
                ["\(prefix)attention.output.dense"], ["\(prefix)intermediate.dense"],
                ["\(prefix)output.dense"],
            ]
        }
        #expect(names.prefix(8) == layers.prefix(8))
        for site in LinearSite.sites(of: model.graph) {
            for index in site.nodes {
                #expect(model.graph.nodes[index].inputs == [site.input])
                #expect(model.graph.linear(at: index) != nil)
            }
        }
        #expect(model.graph.linear(at: 0) == nil)
        #expect(LinearSite.sites(of: Graph()).isEmpty)
    }
}
