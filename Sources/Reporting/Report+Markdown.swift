extension Report {
    /// The report as GitHub Flavored Markdown.
    package var markdown: String {
        var text = "# Comparison with the float original\n"
        for table in tables {
            text += "\n## \(table.title)\n\n"
            text += Self.markdownRow(table.columns.map(\.header))
            text += "|" + table.columns.map { $0.isNumeric ? "---:|" : "---|" }.joined() + "\n"
            for row in table.rows { text += Self.markdownRow(row) }
        }
        if !notes.isEmpty {
            text += "\n## Notes\n\n"
            for note in notes { text += "- \(Self.markdownEscaped(note))\n" }
        }
        return text
    }

    private static func markdownRow(_ cells: [String]) -> String {
        "|" + cells.map { " \(markdownEscaped($0)) |" }.joined() + "\n"
    }

    /// Text that shows as it is; control characters become `?`.
    private static func markdownEscaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", "`", "*", "_", "[", "]", "|", "~", "#", "$":
                escaped += "\\\(scalar)"
            case "<": escaped += "&lt;"
            case "&": escaped += "&amp;"
            case _ where scalar.properties.generalCategory == .control: escaped += "?"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
