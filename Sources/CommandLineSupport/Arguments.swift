import CEdgePlatform

/// The command line of a program, split into options and positional arguments.
///
/// Options start with `--`; their value follows as the next argument or after `=`. `-o` is
/// `--output`, `-h` is `--help`. After `--` everything is positional.
package struct Arguments {
    package private(set) var positional: [[UInt8]] = []
    private var options: [(name: [UInt8], value: [UInt8]?)] = []

    package init(_ arguments: [[UInt8]], options list: OptionList) throws(UsageError) {
        var index = 0
        var onlyPositional = false
        while index < arguments.count {
            var argument = arguments[index]
            index += 1
            guard !onlyPositional, argument.count >= 2, argument[0] == 0x2d else {
                positional.append(argument)
                continue
            }
            if isSame(argument, "-o") { argument = Array("--output".utf8) }
            if isSame(argument, "-h") { argument = Array("--help".utf8) }
            if isSame(argument, "--") {
                onlyPositional = true
                continue
            }
            var value: [UInt8]?
            if let equals = argument.firstIndex(of: 0x3d) {
                value = Array(argument[(equals + 1)...])
                argument = Array(argument[..<equals])
            }
            let name = String(decoding: argument, as: UTF8.self)
            guard let kind = list.kind(of: argument) else { throw .unknownOption(name) }
            switch kind {
            case .notAvailable:
                throw .notAvailable(option: name)
            case .flag:
                guard value == nil else { throw .unexpectedArgument(name) }
            case .value, .values:
                if value == nil {
                    guard index < arguments.count else { throw .missingValue(option: name) }
                    value = arguments[index]
                    index += 1
                }
            }
            if case .value = kind, options.contains(where: { $0.name == argument }) {
                throw .repeatedOption(name)
            }
            options.append((argument, value))
        }
    }

    package func has(_ name: StaticString) -> Bool {
        options.contains { isSame($0.name, name) }
    }

    package func value(_ name: StaticString) -> [UInt8]? {
        for option in options where isSame(option.name, name) { return option.value }
        return nil
    }

    package func values(_ name: StaticString) -> [[UInt8]] {
        options.compactMap { isSame($0.name, name) ? $0.value : nil }
    }

    package func text(_ name: StaticString) -> String? {
        value(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A whole number within `range`.
    package func integer(
        _ name: StaticString, in range: ClosedRange<Int>
    ) throws(UsageError) -> Int? {
        guard let value = value(name) else { return nil }
        let option = name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
        let text = String(decoding: value, as: UTF8.self)
        guard let number = parseInteger(value) else {
            throw .notANumber(option: option, value: text)
        }
        guard range.contains(number) else {
            throw .outOfRange(
                option: option, value: text, range: "\(range.lowerBound)…\(range.upperBound)")
        }
        return number
    }

    /// A decimal number such as 0.7 within `range`.
    package func number(
        _ name: StaticString, in range: ClosedRange<Int>
    ) throws(UsageError) -> Float? {
        guard let value = value(name) else { return nil }
        let option = name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
        let text = String(decoding: value, as: UTF8.self)
        guard let number = parseDecimal(value) else {
            throw .notADecimal(option: option, value: text)
        }
        guard number >= Float(range.lowerBound), number <= Float(range.upperBound) else {
            throw .outOfRange(
                option: option, value: text, range: "\(range.lowerBound)…\(range.upperBound)")
        }
        return number
    }

    /// Whole numbers separated by commas.
    package func integers(
        _ name: StaticString, in range: ClosedRange<Int>
    ) throws(UsageError) -> [Int]? {
        guard let value = value(name) else { return nil }
        let option = name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
        var numbers: [Int] = []
        for part in value.split(separator: 0x2c, omittingEmptySubsequences: false) {
            let text = String(decoding: part, as: UTF8.self)
            guard let number = parseInteger(Array(part)) else {
                throw .notANumber(option: option, value: text)
            }
            guard range.contains(number) else {
                throw .outOfRange(
                    option: option, value: text,
                    range: "\(range.lowerBound)…\(range.upperBound)")
            }
            numbers.append(number)
        }
        return numbers
    }

    /// A number of bytes such as 64MB, 512KB, 1GiB or 4096.
    package func byteCount(_ name: StaticString) throws(UsageError) -> Int? {
        guard let value = value(name) else { return nil }
        let option = name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
        let text = String(decoding: value, as: UTF8.self)
        let digits = value.prefix { $0 >= 0x30 && $0 <= 0x39 }
        let units: [(StaticString, Int)] = [
            ("", 1), ("B", 1), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
        ]
        let suffix = Array(value.dropFirst(digits.count))
        guard let number = parseInteger(Array(digits)) else {
            throw .notANumber(option: option, value: text)
        }
        for (unit, factor) in units where isSame(suffix, unit) {
            let (product, overflow) = number.multipliedReportingOverflow(by: factor)
            guard !overflow else {
                throw .outOfRange(option: option, value: text, range: "0…\(Int.max)")
            }
            return product
        }
        throw .unknownValue(option: option, value: text, known: "B, KB, MB, GB, KiB, MiB, GiB")
    }

    /// The arguments of this process without its name.
    package static func ofProcess() -> [[UInt8]] {
        // Embedded Swift has no CommandLine; the kernel has the arguments.
        let descriptor = "/proc/self/cmdline".withCString { edgep_open($0) }
        guard descriptor >= 0 else { return [] }
        defer { edgep_close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 12)
        while true {
            let count = edgep_read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<Int(count)])
        }
        // Every argument ends with a zero byte, also an empty one.
        if bytes.last == 0 { bytes.removeLast() }
        let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
        return parts.dropFirst().map { Array($0) }
    }
}

/// A number of at most nine digits with a point between two of them or none, or nil.
package func parseDecimal(_ text: [UInt8]) -> Float? {
    let parts = text.split(separator: 0x2e, omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    var number = 0
    var digitCount = 0
    for digit in parts.joined() {
        guard digit >= 0x30, digit <= 0x39, digitCount < 9 else { return nil }
        number = 10 * number + Int(digit - 0x30)
        digitCount += 1
    }
    // Both are exact, so the quotient is the nearest number.
    var power = 1.0
    if parts.count == 2 { for _ in parts[1] { power *= 10 } }
    return Float(Double(number) / power)
}

/// A decimal whole number with an optional minus sign, or nil.
package func parseInteger(_ text: [UInt8]) -> Int? {
    let isNegative = text.first == 0x2d
    let digits = isNegative ? text.dropFirst() : text[...]
    guard !digits.isEmpty else { return nil }
    var number = 0
    for digit in digits {
        guard digit >= 0x30, digit <= 0x39 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: 10)
        let (sum, overflow2) = product.subtractingReportingOverflow(Int(digit - 0x30))
        guard !overflow, !overflow2 else { return nil }
        // Negative numbers have the larger range.
        number = sum
    }
    if isNegative { return number }
    return number == Int.min ? nil : -number
}
