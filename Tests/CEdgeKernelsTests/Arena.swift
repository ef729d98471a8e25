import Testing

/// 64-byte aligned memory for the arguments of a kernel, with bytes behind each piece that must
/// stay as they are.
final class Arena {
    private static let guardByteCount = 64
    private static let guardByte: UInt8 = 0xa5
    private var pieces: [UnsafeMutableRawBufferPointer] = []
    var random: RandomSource

    init(seed: Int) {
        random = RandomSource(seed: seed)
    }

    /// Runs `body` and checks afterwards that nothing wrote behind its memory.
    static func with<Result>(seed: Int, _ body: (Arena) throws -> Result) rethrows -> Result {
        let arena = Arena(seed: seed)
        let result = try body(arena)
        #expect(arena.isIntact)
        return result
    }

    var isIntact: Bool {
        pieces.allSatisfy { $0.suffix(Self.guardByteCount).allSatisfy { $0 == Self.guardByte } }
    }

    deinit {
        for piece in pieces { piece.deallocate() }
    }

    func bytes(_ count: Int) -> UnsafeMutableRawPointer {
        let piece = UnsafeMutableRawBufferPointer.allocate(
            byteCount: count + Self.guardByteCount, alignment: 64)
        for i in 0..<count { piece[i] = 0 }
        for i in count..<piece.count { piece[i] = Self.guardByte }
        pieces.append(piece)
        return piece.baseAddress!
    }

    func zeros<Element>(_ count: Int, of type: Element.Type) -> UnsafeMutablePointer<Element> {
        bytes(count * MemoryLayout<Element>.stride).bindMemory(to: type, capacity: count)
    }

    func floats(_ count: Int, range: Float = 1) -> UnsafeMutablePointer<Float> {
        let pointer = zeros(count, of: Float.self)
        for i in 0..<count { pointer[i] = random.unit() * range }
        return pointer
    }

    func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let pointer = zeros(elements.count, of: Element.self)
        for (i, element) in elements.enumerated() { pointer[i] = element }
        return pointer
    }

    /// Codes of lowest … 127, a third of them at the ends of the range.
    func codes(_ count: Int, lowest: Int = -127) -> UnsafeMutablePointer<Int8> {
        let pointer = zeros(count, of: Int8.self)
        for i in 0..<count { pointer[i] = random.code(lowest: lowest) }
        return pointer
    }
}
