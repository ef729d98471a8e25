import Tensors
import Testing

@Suite struct SymmetricMatrixTests {
    private let matrix = SymmetricMatrix(size: 3, values: [1, 2, 3, 2, 5, 6, 3, 6, 9])

    @Test func elementsLieRowAfterRow() {
        var matrix = matrix
        #expect(matrix[0, 2] == 3 && matrix[2, 1] == 6)
        matrix[1, 2] = 7
        #expect(matrix.values[5] == 7 && matrix.values[7] == 6)
        #expect(SymmetricMatrix(size: 2).values == [0, 0, 0, 0])
    }

    @Test func theDiagonalAndItsMean() {
        #expect(matrix.diagonal == [1, 5, 9])
        #expect(matrix.meanOfDiagonal == 5)
        #expect(SymmetricMatrix(size: 0).meanOfDiagonal == 0)
    }

    @Test func dampingChangesTheDiagonalOnly() {
        var damped = matrix
        damped.addToDiagonal(0.5)
        #expect(damped.values == [1.5, 2, 3, 2, 5.5, 6, 3, 6, 9.5])
    }

    @Test func aSelectionHasRowsAndColumnsInItsOrder() {
        #expect(matrix.selecting([2, 0]).values == [9, 3, 3, 1])
        #expect(matrix.selecting([1]).values == [5])
        #expect(matrix.selecting([]) == SymmetricMatrix(size: 0))
    }

    @Test func scalingTakesBothSides() {
        #expect(matrix.scaled(by: [1, 10, 0]).values == [1, 20, 0, 20, 500, 0, 0, 0, 0])
    }
}
