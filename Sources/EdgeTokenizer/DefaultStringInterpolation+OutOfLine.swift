// As in CommandLineSupport, on which this module does not depend: called instead of put into every
// place that makes a message, the standard library's code leaves the binary of a device smaller.
extension DefaultStringInterpolation {
    @inline(never)
    mutating func appendLiteral(_ text: String) {
        write(text)
    }

    @inline(never)
    mutating func appendInterpolation(_ text: String) {
        write(text)
    }

    @inline(never)
    mutating func appendInterpolation(_ number: Int) {
        write(number.description)
    }

    mutating func appendInterpolation(_ number: UInt32) {
        appendNumber(UInt64(number))
    }

    mutating func appendInterpolation(_ number: UInt16) {
        appendNumber(UInt64(number))
    }

    mutating func appendInterpolation(_ number: UInt8) {
        appendNumber(UInt64(number))
    }

    @inline(never)
    private mutating func appendNumber(_ number: UInt64) {
        write(number.description)
    }
}
