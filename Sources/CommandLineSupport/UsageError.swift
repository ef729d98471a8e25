/// A command line that cannot be understood.
package enum UsageError: Error, Equatable {
    case unknownOption(String)
    case missingValue(option: String)
    case repeatedOption(String)
    case missingArgument(String)
    case unexpectedArgument(String)
    case notANumber(option: String, value: String)
    case notADecimal(option: String, value: String)
    case outOfRange(option: String, value: String, range: String)
    case unknownValue(option: String, value: String, known: String)
    case together(String, String)
    case missingTogether(String, needs: String)
    /// The option is part of the command line's contract, but not built yet.
    case notAvailable(option: String)

    package var message: String {
        switch self {
        case .unknownOption(let option):
            "unknown option \(option); --help lists the options"
        case .missingValue(let option):
            "option \(option) needs a value"
        case .repeatedOption(let option):
            "option \(option) is given twice"
        case .missingArgument(let what):
            "\(what) is missing; --help shows the usage"
        case .unexpectedArgument(let argument):
            "unexpected argument '\(argument)'"
        case .notANumber(let option, let value):
            "option \(option): '\(value)' is not a whole number"
        case .notADecimal(let option, let value):
            "option \(option): '\(value)' is not a decimal number"
        case .outOfRange(let option, let value, let range):
            "option \(option): \(value) is outside \(range)"
        case .unknownValue(let option, let value, let known):
            "option \(option): unknown value '\(value)'; known are \(known)"
        case .together(let left, let right):
            "options \(left) and \(right) cannot be given together"
        case .missingTogether(let option, let needs):
            "option \(option) needs \(needs)"
        case .notAvailable(let option):
            "option \(option) is not available in this version"
        }
    }
}
