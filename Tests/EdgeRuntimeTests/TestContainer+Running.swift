import EdgeFormat
import Testing

@testable import EdgeRuntime

extension Session {
    /// The steps for all outputs.
    var steps: StepList {
        StepList(program, outputs: program.outputs.map(\.code))
    }
}

extension TestContainer {
    static let threadCounts = [1, 2, 5]

    /// The ids 0, 1, …, which read the rows of `input` in their order.
    var rowIDs: [Int32] {
        (0..<Int32(program.maximumTokens)).map { $0 }
    }

    func session(
        _ set: InstructionSet = .fastest, threads: Int = 1
    ) throws(RuntimeError) -> Session {
        try Session(open(), options: SessionOptions(instructionSet: set, threadCount: threads))
    }

    /// Runs the program with every instruction set of this CPU and some numbers of threads, and
    /// expects the same bits of all; returns what the scalar kernels compute.
    func runEverywhere(
        tokenIDs: [Int32]? = nil, typeIDs: [Int32] = [], _ code: OutputCode = .hiddenState,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Output {
        let container = try open()
        let ids = tokenIDs ?? rowIDs
        var expected: Output?
        for set in InstructionSet.all where set.isSupported {
            for threads in Self.threadCounts {
                let session = try Session(
                    container, options: SessionOptions(instructionSet: set, threadCount: threads))
                let output = try session.run(tokenIDs: ids, typeIDs: typeIDs, outputs: [code])[0]
                guard let first = expected else {
                    expected = output
                    continue
                }
                let name = String(decoding: set.name, as: UTF8.self)
                #expect(
                    output.values.map(\.bitPattern) == first.values.map(\.bitPattern),
                    "\(name) with \(threads) threads", sourceLocation: sourceLocation)
            }
        }
        return try #require(expected, sourceLocation: sourceLocation)
    }

    /// Runs the program everywhere and compares the value with the reference: each number to
    /// `tolerance` times the larger of 1 and its magnitude, and to what the reference tolerates.
    func expectReference(
        of value: Int, tolerance: Double, tokenIDs: [Int32]? = nil, typeIDs: [Int32] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var container = self
        container.setOutput(.hiddenState, value)
        let output = try container.runEverywhere(
            tokenIDs: tokenIDs, typeIDs: typeIDs, sourceLocation: sourceLocation)
        let expected = Reference(
            container, tokenIDs: tokenIDs ?? rowIDs, typeIDs: typeIDs)[value]
        #expect(output.rowCount == expected.rows, sourceLocation: sourceLocation)
        #expect(output.columnCount == expected.columns, sourceLocation: sourceLocation)
        try #require(
            output.values.count == expected.numbers.count, sourceLocation: sourceLocation)
        for (index, number) in expected.numbers.enumerated() {
            let allowed =
                tolerance * max(1, abs(number))
                + (expected.tolerances.isEmpty ? 0 : expected.tolerances[index])
            let found = Double(output.values[index])
            guard abs(found - number) <= allowed else {
                Issue.record(
                    "element \(index): \(found), expected \(number) ± \(allowed)",
                    sourceLocation: sourceLocation)
                return
            }
        }
    }
}
