import Tensors
import Testing

@testable import ModelCompression

@Suite struct InputMomentsTests {
    @Test func momentsAreThoseOfNumpy() throws {
        for expected in try RoundingReference.read().ridge {
            let moments = InputMoments(
                expected.input, rows: 0..<expected.rows, weights: expected.rowWeights)
            let total = expected.rowWeights.reduce(0) { $0 + Double($1) }
            #expect(abs(moments.total - total) < 1e-9)
            #expect(relativeDifference(moments.mean, expected.mean) < 1e-6)
            #expect(relativeDifference(moments.second.values, expected.moments) < 1e-5)
            let (cross, mean) = moments.cross(expected.input, target: expected.target)
            #expect(relativeDifference(mean, expected.targetMean) < 1e-6)
            #expect(relativeDifference(cross, expected.cross) < 1e-5)
        }
    }

    @Test func rowsThatDoNotCountChangeNothing() {
        let input = Tensor(shape: [4, 2], values: [99, -99, 1, 2, 3, 6, 77, 7])
        let target = Tensor(shape: [4, 1], values: [50, 1, 5, -50])
        for (rows, weights) in [(1..<3, nil), (0..<4, [0, 2, 2, 0])]
            as [(Range<Int>, [Float]?)]
        {
            let moments = InputMoments(input, rows: rows, weights: weights)
            let factor = weights == nil ? 1.0 : 2
            #expect(moments.total == 2 * factor)
            #expect(relativeDifference(moments.mean, [2, 4]) < 1e-6)
            let expected = [2, 4, 4, 8].map { $0 * factor }
            #expect(relativeDifference(moments.second.values, expected) < 1e-6)
            let (cross, mean) = moments.cross(input, target: target)
            #expect(relativeDifference(cross, [4 * factor, 8 * factor]) < 1e-6)
            #expect(relativeDifference(mean, [3]) < 1e-6)
        }
    }

    @Test func moreRowsThanABlockAreAllCounted() {
        let count = 10_000
        let values = (0..<count).map { Float($0 % 2 == 0 ? 1 : -3) }
        let input = Tensor(shape: [count, 1], values: values)
        let moments = InputMoments(input, rows: 0..<count, weights: nil)
        #expect(moments.mean == [-1])
        #expect(moments.second.values == [4 * Double(count)])
        let cross = moments.cross(
            input, target: Tensor(shape: [count, 1], values: values.map { 2 * $0 + 5 }))
        #expect(cross.moments == [8 * Double(count)] && cross.mean == [3])
    }

    @Test func noRowsHaveNoMoments() {
        let moments = InputMoments(Tensor(zeros: [2, 2]), rows: 1..<1, weights: nil)
        #expect(moments.total == 0 && moments.second.values == [0, 0, 0, 0])
        #expect(moments.mean == [0, 0])
    }
}
