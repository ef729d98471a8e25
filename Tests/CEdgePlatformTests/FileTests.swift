import CEdgePlatform
import Glibc
import Testing

@Suite("Mapped files")
struct FileTests {
    private func map(_ path: String) -> (result: Int32, bytes: UnsafeRawPointer?, count: Int) {
        var bytes: UnsafeRawPointer?
        var count = 1
        let result = edgep_map_file(path, &bytes, &count)
        return (result, bytes, count)
    }

    @Test("a mapping holds the file, also after its pages were released")
    func mappingHoldsTheFile() throws {
        let folder = TemporaryFolder()
        let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let mapped = map(folder.file("content", content))
        #expect(mapped.result == 0)
        #expect(mapped.count == content.count)
        let bytes = try #require(mapped.bytes)
        #expect(memcmp(bytes, content, content.count) == 0)
        edgep_release_pages(bytes + 5, 60_000)
        edgep_release_pages(bytes, 0)
        edgep_release_pages(bytes + 1, 10)
        #expect(memcmp(bytes, content, content.count) == 0)
        edgep_unmap_file(bytes, mapped.count)
    }

    @Test("an empty file maps to nothing")
    func emptyFile() {
        let folder = TemporaryFolder()
        let mapped = map(folder.file("empty", []))
        #expect(mapped.result == 0)
        #expect(mapped.bytes == nil)
        #expect(mapped.count == 0)
        edgep_unmap_file(mapped.bytes, mapped.count)
    }

    @Test("a missing file, a folder and a file without permission are errors")
    func missingAndFolder() {
        let folder = TemporaryFolder()
        #expect(map(folder.path + "/missing").result == -ENOENT)
        #expect(map(folder.path).result == -EISDIR)
        #expect(map("/dev/null").result == -EINVAL)
        let file = folder.file("plain", [1])
        #expect(map(file + "/below").result == -ENOTDIR)
    }

    @Test("a FIFO is refused without waiting for a writer")
    func fifoIsRefused() {
        let folder = TemporaryFolder()
        let path = folder.path + "/fifo"
        #expect(mkfifo(path, 0o600) == 0)
        #expect(map(path).result == -EINVAL)
    }

    @Test("errors have words")
    func errorsHaveWords() {
        #expect(String(cString: edgep_error_message(ENOENT)) == "No such file or directory")
    }
}
