extension String {
    /// The string in single quotes, fit for one line of a message: control characters are replaced
    /// by `?`, the end of a very long string by `…`.
    package var quoted: String {
        let limit = 160
        var scalars: [Unicode.Scalar] = []
        for scalar in unicodeScalars.prefix(limit + 1) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append("?")
            default: scalars.append(scalar)
            }
        }
        var text = String(String.UnicodeScalarView(scalars.prefix(limit)))
        if scalars.count > limit { text += "…" }
        return "'" + text + "'"
    }
}
