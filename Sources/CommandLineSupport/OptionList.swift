/// The options that a program or subcommand understands.
package struct OptionList: Sendable {
    package enum Kind: Sendable {
        case flag
        case value
        /// A value that may be given any number of times.
        case values
        /// Part of the contract, refused in this version; true if it takes a value.
        case notAvailable
    }

    let options: [(name: StaticString, kind: Kind)]

    package init(_ options: [(StaticString, Kind)]) {
        self.options = options.map { (name: $0.0, kind: $0.1) }
    }

    func kind(of name: [UInt8]) -> Kind? {
        for option in options where isSame(name, option.name) { return option.kind }
        return nil
    }
}

/// Compares bytes with a constant; needs no Unicode tables.
package func isSame(_ bytes: [UInt8], _ constant: StaticString) -> Bool {
    constant.withUTF8Buffer { bytes.elementsEqual($0) }
}
