import Testing

@testable import Reporting

@Suite struct JSONTextTests {
    @Test func membersKeepTheirOrder() {
        let value = JSONText.object([
            ("b", .array([.integer(1), .number(0.1), .null])), ("a", .object([])),
            ("c", .array([])),
        ])
        #expect(
            value.rendered == """
                {
                  "b": [
                    1,
                    0.1,
                    null
                  ],
                  "a": {},
                  "c": []
                }

                """)
    }

    @Test func stringsAreEscaped() {
        #expect(
            JSONText.string("\"\\\n\r\t\u{1}\u{1f}é🙂").rendered
                == "\"\\\"\\\\\\n\\r\\t\\u0001\\u001fé🙂\"\n")
    }

    @Test func numbersThatJSONDoesNotHaveAreNull() {
        #expect(JSONText.number(.nan).rendered == "null\n")
        #expect(JSONText.number(.infinity).rendered == "null\n")
        #expect(JSONText.optional(nil as Double?).rendered == "null\n")
        #expect(JSONText.optional(nil as String?).rendered == "null\n")
    }
}
