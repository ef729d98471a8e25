/// A string that equals another only if all code points are the same.
///
/// Swift strings are equal when they are canonically equivalent, which would merge names and
/// vocabulary entries that differ only in Unicode normalisation.
package struct CodePoints: Hashable, Sendable {
    package let string: String

    package init(_ string: String) {
        self.string = string
    }

    package static func == (left: CodePoints, right: CodePoints) -> Bool {
        left.string.utf8.elementsEqual(right.string.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var copy = string
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }
}
