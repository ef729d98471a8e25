import Foundation
import Testing

@testable import Reporting

/// The renderings of a report with known figures, against files that were checked by hand.
@Suite struct ReportRenderingTests {
    private func golden(_ name: String) throws -> String {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return try String(
            contentsOf: folder.appendingPathComponent("Golden/\(name)"), encoding: .utf8)
    }

    @Test func markdownIsAsExpected() throws {
        #expect(try Sample.classifier.markdown == golden("classifier.md"))
    }

    @Test func jsonIsAsExpected() throws {
        #expect(try Sample.classifier.json == golden("classifier.json"))
    }

    @Test func textIsAsExpected() throws {
        #expect(try Sample.classifier.text == golden("classifier.txt"))
    }

    @Test func whatIsNotKnownIsNotShownAsANumber() {
        var report = Sample.classifier
        report.environment.processor = nil
        report.referenceBenchmark = nil
        report.containers = []
        report.data.labelledCount = 0
        report.notes = []
        #expect(report.markdown.contains("| processor | not known |"))
        #expect(report.markdown.contains("| float | 100.00 | – | – | – | – |"))
        #expect(!report.markdown.contains("Latency"))
        #expect(!report.markdown.contains("Notes"))
        #expect(report.json.contains("\"accuracy\": null"))
        #expect(report.json.contains("\"processor\": null"))
        #expect(report.json.contains("\"containers\": []"))
    }

    @Test func controlCharactersDoNotReachTheReader() {
        var report = Sample.classifier
        report.data.file = "a\u{1b}[31m\n| b |"
        #expect(report.text.contains("  data set              a?[31m?| b |\n"))
        #expect(report.markdown.contains("| data set | a?\\[31m?\\| b \\| |\n"))
        #expect(report.json.contains("\"file\": \"a\\u001b[31m\\n| b |\""))
    }
}
