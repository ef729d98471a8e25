import Glibc

/// Why a report cannot be written.
package enum ReportingError: Error, Equatable, Sendable {
    case file(String, operation: String, errno: Int32)
}

extension ReportingError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let path, let operation, let code):
            "\(path): cannot \(operation) the file: \(String(cString: strerror(code)))"
        }
    }
}
