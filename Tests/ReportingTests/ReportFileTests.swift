import Foundation
import Testing

@testable import Reporting

@Suite struct ReportFileTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test func fileIsReplacedAsAWhole() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("report.md").path
        try ReportFile.write("a long first text", to: path)
        try ReportFile.write("short", to: path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "short")
        #expect(try names() == ["report.md"])
    }

    @Test func missingFoldersAreErrors() {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("missing/report.md").path
        let error = #expect(throws: ReportingError.self) {
            try ReportFile.write("text", to: path)
        }
        #expect(error == .file(path, operation: "create", errno: ENOENT))
        #expect(throws: ReportingError.file(path, operation: "create", errno: ENOENT)) {
            try ReportFile.checkFolder(of: path)
        }
        #expect(
            error?.description == "\(path): cannot create the file: No such file or directory")
    }

    @Test func nothingIsLeftBehindAfterAFailure() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("report.md").path
        try FileManager.default.createDirectory(
            atPath: path + "/inside", withIntermediateDirectories: true)
        #expect(throws: ReportingError.file(path, operation: "rename", errno: EISDIR)) {
            try ReportFile.write("text", to: path)
        }
        #expect(try names() == ["report.md"])
    }
}
