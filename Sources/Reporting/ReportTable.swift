import Foundation

/// A table of a report; numbers are already text.
struct ReportTable: Equatable {
    struct Column: Equatable {
        /// With the unit.
        let header: String
        let isNumeric: Bool

        static func text(_ header: String) -> Column {
            Column(header: header, isNumeric: false)
        }

        static func number(_ header: String) -> Column {
            Column(header: header, isNumeric: true)
        }
    }

    let title: String
    let columns: [Column]
    var rows: [[String]] = []
}

/// What stands in a cell for a figure that is not known.
let unknownFigure = "–"

/// A number with a fixed count of decimals, or the sign for what is not known.
func fixed(_ number: Double?, _ decimals: Int, signed: Bool = false) -> String {
    guard let number else { return unknownFigure }
    return String(format: signed ? "%+.\(decimals)f" : "%.\(decimals)f", number)
}

/// Bytes in units of 10⁶.
func megabytes(_ byteCount: Int?) -> String {
    fixed(byteCount.map { Double($0) / 1e6 }, 2)
}

/// A share 0…1 in per cent.
func percent(_ share: Double?) -> String {
    fixed(share.map { $0 * 100 }, 2)
}
