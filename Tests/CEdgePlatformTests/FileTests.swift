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

    @Test("a mapping holds the file")
    func mappingHoldsTheFile() throws {
        let folder = TemporaryFolder()
        let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let mapped = map(folder.file("content", content))
        #expect(mapped.result == 0)
        #expect(mapped.count == content.count)
        let bytes = try #require(mapped.bytes)
        #expect(memcmp(bytes, content, content.count) == 0)
        edgep_unmap_file(bytes, mapped.count)
    }

    @Test("ranges of an open file are read, up to its end")
    func rangesAreRead() throws {
        let folder = TemporaryFolder()
        let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let path = folder.file("content", content)
        var bytes: UnsafeRawPointer?
        var count = 0
        var descriptor: Int32 = -1
        #expect(edgep_open_and_map_file(path, &bytes, &count, &descriptor) == 0)
        defer {
            edgep_unmap_file(bytes, count)
            edgep_close(descriptor)
        }
        #expect(count == content.count && descriptor >= 0)
        for range in [0..<10, 5_000..<99_999, 99_990..<100_000, 0..<100_000, 7..<7] {
            var read = [UInt8](repeating: 0, count: range.count)
            #expect(
                edgep_read_at(descriptor, UInt64(range.lowerBound), &read, range.count)
                    == Int64(range.count))
            #expect(read == Array(content[range]))
        }
        var beyond = [UInt8](repeating: 9, count: 20)
        #expect(edgep_read_at(descriptor, 99_990, &beyond, 20) == 10)
        #expect(Array(beyond[..<10]) == Array(content[99_990...]))
        #expect(edgep_read_at(descriptor, 200_000, &beyond, 20) == 0)
        #expect(edgep_read_at(-1, 0, &beyond, 20) == -Int64(EBADF))
        #expect(edgep_open_and_map_file(path + "x", &bytes, &count, &descriptor) == -ENOENT)
        #expect(descriptor == -1)
    }

    @Test("the end of a file is read with its size")
    func endsAreRead() {
        let folder = TemporaryFolder()
        var tail = [UInt8](repeating: 0, count: 4)
        var size: Int64 = -1
        #expect(edgep_read_tail(folder.file("long", [1, 2, 3, 4, 5, 6]), &tail, 4, &size) == 4)
        #expect(tail == [3, 4, 5, 6] && size == 6)
        #expect(edgep_read_tail(folder.file("short", [8, 9]), &tail, 4, &size) == 2)
        #expect(tail[..<2] == [8, 9] && size == 2)
        #expect(edgep_read_tail(folder.file("empty", []), &tail, 4, &size) == 0)
        #expect(size == 0)
        #expect(edgep_read_tail("/dev/null", &tail, 4, &size) == -Int64(EINVAL))
        #expect(edgep_read_tail("/absent", &tail, 4, &size) == -Int64(ENOENT))
    }

    @Test("pages are zero and can be written", arguments: [1, 4096, 5_000_000])
    func pagesAreZero(count: Int) throws {
        let pages = try #require(edgep_allocate_pages(count))
        let bytes = UnsafeMutableRawBufferPointer(start: pages, count: count)
        #expect(bytes.allSatisfy { $0 == 0 })
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index) }
        #expect(bytes[count - 1] == UInt8(truncatingIfNeeded: count - 1))
        edgep_free_pages(pages, count)
        #expect(edgep_allocate_pages(.max) == nil)
        #expect(edgep_resident_bytes() > 0)
        #expect(edgep_resident_bytes() <= edgep_peak_resident_bytes())
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
