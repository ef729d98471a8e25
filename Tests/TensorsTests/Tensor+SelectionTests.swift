import Tensors
import Testing

@Suite struct TensorSelectionTests {
    private let matrix = Tensor(shape: [3, 2], values: [1, -20, 3, 40, -5, 60])

    @Test func rowsComeInTheGivenOrder() {
        #expect(matrix.selectingRows([2, 0, 2]).values == [-5, 60, 1, -20, -5, 60])
        #expect(matrix.selectingRows(1..<3).shape == [2, 2])
        #expect(matrix.selectingRows([]).shape == [0, 2])
    }

    @Test func columnsComeInTheGivenOrder() {
        #expect(matrix.selectingColumns([1, 0]).values == [-20, 1, 40, 3, 60, -5])
        #expect(matrix.selectingColumns([1]) == Tensor(shape: [3, 1], values: [-20, 40, 60]))
        #expect(matrix.selectingColumns([]).shape == [3, 0])
    }

    @Test func rowsAreLentAsTheyLie() {
        #expect(matrix.withRows(1..<2) { Array($0) } == [3, 40])
        #expect(matrix.withRows(3..<3) { Array($0) }.isEmpty)
    }

    @Test func meansAndMaximaAreThoseOfTheRows() {
        #expect(matrix.columnMeans(rows: 0..<2) == [2, 10])
        #expect(matrix.columnMeans(rows: 1..<3) == [-1, 50])
        #expect(matrix.columnMeans(rows: 1..<1) == [0, 0])
        #expect(matrix.columnMaxima(rows: 0..<3) == [5, 60])
        #expect(matrix.columnMaxima(rows: 0..<1) == [1, 20])
        #expect(matrix.columnMaxima(rows: 2..<2) == [0, 0])
        #expect(Tensor(zeros: [2, 0]).columnMeans(rows: 0..<2).isEmpty)
        #expect(Tensor(zeros: [2, 0]).columnMaxima(rows: 0..<2).isEmpty)
    }

    /// A million and small numbers: their sum in float32 would lose half of each.
    @Test func meansAreSummedInDouble() {
        let count = 1 << 16
        let values = (0..<count).map { $0 == 0 ? Float(1 << 20) : 0.0625 }
        let mean = Tensor(shape: [count, 1], values: values).columnMeans(rows: 0..<count)[0]
        #expect(mean == (Double(1 << 20) + 0.0625 * Double(count - 1)) / Double(count))
    }
}
