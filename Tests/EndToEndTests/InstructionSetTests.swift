import Foundation
import Testing

@Suite("run-edge isa")
struct InstructionSetTests {
    @Test("The peak stands in the JSON of the sets that this CPU supports, and of no others")
    func peaksAreMeasured() throws {
        let run = try Program.runEdge.run(["isa", "--json"])
        try run.expectDone()
        let sets = try #require(try run.json()["instruction_sets"] as? [[String: Any]])
        #expect(sets.contains { $0["supported"] as? Bool == true })
        for set in sets {
            let isSupported = try #require(set["supported"] as? Bool)
            let peak = set["peak_gmacs"] as? Double
            #expect((peak != nil) == isSupported, "\(set)")
            if let peak {
                #expect(peak >= 0)
                #expect((peak * 10).rounded() / 10 == peak, "one decimal")
            }
        }
    }

    @Test("The text names the peak of each supported set")
    func peaksArePrinted() throws {
        let run = try Program.runEdge.run(["isa"])
        try run.expectDone()
        let sets = try Program.runEdge.run(["isa", "--json"]).json()["instruction_sets"]
        let supported = try #require(sets as? [[String: Any]]).map { $0["supported"] as? Bool }
        #expect(run.lines.count == supported.count)
        for (line, isSupported) in zip(run.lines, supported) {
            #expect(line.contains(" GMAC/s on one core") == isSupported, "\(line)")
        }
    }
}
