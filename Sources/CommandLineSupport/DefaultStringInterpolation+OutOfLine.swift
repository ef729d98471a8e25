// Every message is made of literals, texts and whole numbers. The compiler would put the standard
// library's code for each of them into every place that makes one; called instead, the binary of a
// device is much smaller.
extension DefaultStringInterpolation {
    @inline(never)
    package mutating func appendLiteral(_ text: String) {
        write(text)
    }

    @inline(never)
    package mutating func appendInterpolation(_ text: String) {
        write(text)
    }

    @inline(never)
    package mutating func appendInterpolation(_ number: Int) {
        write(number.description)
    }
}
