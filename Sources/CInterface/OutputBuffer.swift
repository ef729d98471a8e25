import CAttenuate

/// A buffer of the caller for results.
struct OutputBuffer<Element> {
    private let start: UnsafeMutablePointer<Element>?
    private let capacity: Int

    init(
        _ start: UnsafeMutablePointer<Element>?, capacity: Int, _ name: String
    ) throws(Refusal) {
        // What is negative here is more than half of all addresses in C.
        guard capacity >= 0 else {
            throw .argument("the capacity of \(name) is \(UInt(bitPattern: capacity))")
        }
        guard start != nil || capacity == 0 else {
            throw .argument("\(name) is null and its capacity is \(capacity)")
        }
        self.start = start
        self.capacity = capacity
    }

    /// Refuses what does not fit.
    func check(_ count: Int, _ unit: String) throws(Refusal) {
        guard count <= capacity else {
            throw Refusal(
                ATTENUATE_TOO_SMALL,
                "\(count) \(unit) are needed, the buffer has room for \(capacity)")
        }
    }

    /// Writes values that fit.
    func write(_ values: [Element]) {
        start?.update(from: values, count: min(values.count, capacity))
    }
}
