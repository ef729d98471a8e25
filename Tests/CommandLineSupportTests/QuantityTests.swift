import CommandLineSupport
import Testing

@Suite struct QuantityTests {
    private static let units: [(StaticString, Double)] = [
        ("MB", 1e6), ("MiB", 1_048_576), ("kB", 1e3), ("", 1), ("%", 0.01),
    ]

    @Test(arguments: [
        ("12MB", 12e6), ("12.5MB", 12.5e6), ("0.1MB", 1e5), ("2MiB", 2_097_152), ("7kB", 7e3),
        ("0", 0), ("007", 7), ("12000000", 12e6), ("1%", 0.01), ("0.5%", 0.005),
        ("0.05MB", 5e4),
    ])
    func aNumberWithAUnitIsRead(text: String, value: Double) {
        #expect(Quantity.parse(Array(text.utf8), units: Self.units) == value)
    }

    @Test(arguments: [
        "", "MB", ".5MB", "5.MB", "1.2.3MB", "1..2MB", "-1MB", "+1MB", "1e6", "1e6MB", "12 MB",
        " 12MB", "12MB ", "12mb", "12Mb", "12M", "inf", "nan", "0x10", "1,5MB", "12MB12MB", "1%%",
        "123456789012345678901MB", "12\u{e9}", "１２MB", ".", "12MB\n",
    ])
    func everythingElseIsRefused(text: String) {
        #expect(Quantity.parse(Array(text.utf8), units: Self.units) == nil)
    }

    @Test func aUnitMayBeRequired() {
        #expect(Quantity.parse(Array("5".utf8), units: [("ms", 1)]) == nil)
        #expect(Quantity.parse(Array("5ms".utf8), units: [("ms", 1)]) == 5)
        #expect(Quantity.parse([0x35, 0xff], units: [("ms", 1)]) == nil)
    }
}
