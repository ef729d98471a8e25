import CommandLineSupport
import ModelCompression

/// `--target-size`, `--target-latency` and `--max-drop`.
struct BudgetOptions {
    let budget: Budget
    /// `--latency-tokens`; nil: 128, or as many as the model takes.
    let latencyTokens: Int?

    /// - Returns: nil if no target is given.
    init?(_ arguments: Arguments) throws(Failure) {
        var budget = Budget()
        if let value = arguments.value("--target-size") {
            let bytes = try Self.quantity(
                "--target-size", value,
                units: [
                    ("MB", 1e6), ("MiB", 1_048_576), ("kB", 1e3), ("KB", 1e3), ("KiB", 1024),
                    ("GB", 1e9), ("GiB", 1_073_741_824), ("B", 1), ("", 1),
                ], range: 1...1e15, form: "bytes such as 12MB, 11.5MiB, 800kB or 12000000")
            budget.byteCount = Int(bytes)
        }
        if let value = arguments.value("--target-latency") {
            budget.milliseconds = try Self.quantity(
                "--target-latency", value, units: [("ms", 1), ("s", 1000), ("us", 0.001)],
                range: 0.001...1e6, form: "a time such as 5ms, 0.8ms, 300us or 1.5s")
        }
        if let value = arguments.value("--max-drop") {
            let percent = try Self.quantity(
                "--max-drop", value, units: [("%", 1)], range: 0...100,
                form: "a share such as 1% or 0.5%")
            budget.drop = percent / 100
        }
        do {
            latencyTokens = try arguments.integer("--latency-tokens", in: 1...1 << 20)
        } catch {
            throw Failure(error)
        }
        if latencyTokens != nil && budget.milliseconds == nil {
            throw Failure(.missingTogether("--latency-tokens", needs: "--target-latency"))
        }
        guard budget != Budget() else { return nil }
        let hasCalibration = arguments.has("--calibration")
        if budget.drop != nil && !hasCalibration && !arguments.has("--dry-run") {
            throw Failure(
                "option --max-drop needs --calibration: candidates are judged on a third of it, "
                    + "which no pass sees; --eval only reports", .wrongUsage)
        }
        if budget.milliseconds != nil && !hasCalibration && !arguments.has("--dry-run") {
            throw Failure(
                "option --target-latency needs --calibration: what makes a model faster, dropping "
                    + "heads and neurons, looks at it", .wrongUsage)
        }
        self.budget = budget
    }

    private static func quantity(
        _ option: String, _ value: [UInt8], units: [(StaticString, Double)],
        range: ClosedRange<Double>, form: String
    ) throws(Failure) -> Double {
        guard let number = Quantity.parse(value, units: units), range.contains(number) else {
            throw Failure(
                "option \(option): '\(String(decoding: value, as: UTF8.self))' is not \(form)",
                .wrongUsage)
        }
        return number
    }
}
