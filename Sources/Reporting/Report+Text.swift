extension Report {
    /// The report as plain text with aligned columns.
    package var text: String {
        var text = "Comparison with the float original\n"
        for table in tables {
            text += "\n\(table.title)\n"
            text += Self.aligned(table)
        }
        if !notes.isEmpty {
            text += "\nNotes\n"
            for note in notes { text += "  - \(Self.printable(note))\n" }
        }
        return text
    }

    private static func aligned(_ table: ReportTable) -> String {
        let rows = ([table.columns.map(\.header)] + table.rows).map { $0.map(printable) }
        let widths = table.columns.indices.map { column in
            rows.map { $0[column].unicodeScalars.count }.max() ?? 0
        }
        var text = ""
        for row in rows {
            var line = " "
            for (column, cell) in row.enumerated() {
                let padding = String(
                    repeating: " ", count: widths[column] - cell.unicodeScalars.count)
                line += " " + (table.columns[column].isNumeric ? padding + cell : cell + padding)
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }

    /// Text without control characters, which become `?`.
    private static func printable(_ text: String) -> String {
        var printable = ""
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            printable.unicodeScalars.append(isControl ? "?" : scalar)
        }
        return printable
    }
}
