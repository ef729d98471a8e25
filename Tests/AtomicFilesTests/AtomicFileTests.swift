import AtomicFiles
import Foundation
import Testing

@Suite struct AtomicFileTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/model.atn" }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func theFileAppearsWithItsNameOnlyWhenItIsComplete() throws {
        let file = try AtomicFile(path: path)
        try file.append([1, 2, 3, 4])
        try file.append([])
        try file.append([5])
        #expect(file.offset == 5)
        try file.write([9, 8], at: 1)
        #expect(file.offset == 5)
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(
            try file.withBytes { Array($0) } == [1, 9, 8, 4, 5])
        try file.commit()
        #expect(try folder.names == ["model.atn"])
        #expect(try folder.bytes("model.atn") == [1, 9, 8, 4, 5])
    }

    @Test func anEmptyFileCanBeLentAndWritten() throws {
        let file = try AtomicFile(path: path)
        try file.commit()
        #expect(try folder.bytes("model.atn").isEmpty)
    }

    @Test func anAbandonedFileLeavesNothing() throws {
        do {
            let file = try AtomicFile(path: path)
            try file.append([1])
            #expect(try folder.names.count == 1)
        }
        #expect(try folder.names.isEmpty)
    }

    @Test func theOldFileStaysUntilTheNewOneIsComplete() throws {
        try Data([7]).write(to: URL(fileURLWithPath: path))
        do {
            let file = try AtomicFile(path: path)
            try file.append([1])
            #expect(try folder.bytes("model.atn") == [7])
        }
        #expect(try folder.bytes("model.atn") == [7])
        let file = try AtomicFile(path: path)
        try file.append([2])
        try file.commit()
        #expect(try folder.bytes("model.atn") == [2])
        #expect(try folder.names == ["model.atn"])
    }

    @Test func aReaderOfTheOldFileKeepsIt() throws {
        try Data([7]).write(to: URL(fileURLWithPath: path))
        let reader = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        let file = try AtomicFile(path: path)
        try file.append([2])
        try file.commit()
        #expect(try reader.readToEnd() == Data([7]))
    }

    @Test func whatCannotBeRenamedIsRemoved() throws {
        // A folder with the name of the file cannot be replaced.
        try FileManager.default.createDirectory(
            atPath: path + "/inside", withIntermediateDirectories: true)
        let file = try AtomicFile(path: path)
        try file.append([1])
        let error = try #require(refusal { try file.commit() })
        #expect(error.operation == "rename")
        #expect([EISDIR, ENOTEMPTY, EEXIST].contains(error.errno))
    }

    @Test func nothingIsLeftAfterAFailedRename() throws {
        try FileManager.default.createDirectory(
            atPath: path + "/inside", withIntermediateDirectories: true)
        do {
            let file = try AtomicFile(path: path)
            try? file.commit()
        }
        #expect(try folder.names == ["model.atn"])
    }

    @Test func aMissingFolderIsAnError() {
        let error = refusal { _ = try AtomicFile(path: folder.path + "/absent/model.atn") }
        #expect(error == AtomicFileError(operation: "create", errno: ENOENT))
        #expect(error?.description == "create: No such file or directory")
    }

    private func refusal(_ body: () throws -> Void) -> AtomicFileError? {
        do {
            try body()
            return nil
        } catch {
            return error as? AtomicFileError
        }
    }

    @Test func twoWritersOfOnePathDoNotMix() throws {
        let first = try AtomicFile(path: path)
        let second = try AtomicFile(path: path)
        try first.append([1, 1, 1])
        try second.append([2])
        try first.commit()
        #expect(try folder.bytes("model.atn") == [1, 1, 1])
        try second.commit()
        #expect(try folder.bytes("model.atn") == [2])
        #expect(try folder.names == ["model.atn"])
    }
}
