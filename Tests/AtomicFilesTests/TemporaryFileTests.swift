import AtomicFiles
import Foundation
import Testing

@Suite struct TemporaryFileTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/model.atn" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    @Test func aFileThatIsNotMovedIsRemoved() throws {
        do {
            let file = TemporaryFile(beside: path)
            try write([1, 2], to: file.path)
            #expect(try folder.names.count == 1)
        }
        #expect(try folder.names.isEmpty)
    }

    @Test func aMovedFileReplacesWhatIsThere() throws {
        try write([7], to: path)
        do {
            let file = TemporaryFile(beside: path)
            try write([1, 2], to: file.path)
            #expect(try folder.bytes("model.atn") == [7])
            try file.move()
        }
        #expect(try folder.names == ["model.atn"])
        #expect(try folder.bytes("model.atn") == [1, 2])
    }

    @Test func whatCannotBeMovedIsAnErrorAndIsRemoved() throws {
        try FileManager.default.createDirectory(
            atPath: path + "/inside", withIntermediateDirectories: true)
        do {
            let file = TemporaryFile(beside: path)
            try write([1], to: file.path)
            #expect(throws: AtomicFileError.self) { try file.move() }
        }
        #expect(try folder.names == ["model.atn"])
    }

    @Test func anAbsentFileIsAnError() {
        let error = #expect(throws: AtomicFileError.self) {
            try TemporaryFile(beside: path).move()
        }
        #expect(error == AtomicFileError(operation: "rename", errno: ENOENT))
    }

    @Test func namesDiffer() {
        #expect(TemporaryFile(beside: path).path != TemporaryFile(beside: path).path)
    }
}
