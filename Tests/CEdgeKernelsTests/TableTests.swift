import CEdgeKernels
import Testing

@Suite("Kernel tables")
struct TableTests {
    @Test("the scalar table is first and always supported")
    func scalarIsFirst() {
        #expect(Kernels.scalar.name == "scalar")
        #expect(edgek_table_is_supported(0) == 1)
    }

    @Test("every table is found by its name and has every function")
    func tablesAreNamed() {
        for index in 0..<edgek_table_count() {
            let table = edgek_table_at(index)!.pointee
            #expect(edgek_table_named(table.name) == index)
            // All fields are pointers: none may be null.
            withUnsafeBytes(of: table) { bytes in
                #expect(bytes.bindMemory(to: UInt.self).allSatisfy { $0 != 0 })
            }
        }
        #expect(edgek_table_named("avx") == -1)
        #expect(edgek_table_named("") == -1)
    }

    @Test("indices outside of the list have no table")
    func indicesAreChecked() {
        for index in [-1, edgek_table_count(), Int32.max, Int32.min] {
            #expect(edgek_table_at(index) == nil)
            #expect(edgek_table_is_supported(index) == 0)
        }
    }

    @Test("the fastest table is the last supported one")
    func fastestIsLast() {
        #expect(Kernels.supported.last?.index == edgek_fastest_table())
    }
}
