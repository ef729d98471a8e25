import CEdgePlatform
import Glibc
import Testing

@Suite("Streams")
struct StreamTests {
    private func makePipe() -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    @Test("what is written is read, and then comes the end")
    func roundTrip() {
        let (reader, writer) = makePipe()
        let bytes = Array("attenuate".utf8)
        #expect(edgep_write(writer, bytes, bytes.count) == 0)
        #expect(edgep_write(writer, nil, 0) == 0)
        edgep_close(writer)
        var read = [UInt8](repeating: 0, count: 64)
        #expect(edgep_read(reader, &read, 4) == 4)
        #expect(edgep_read(reader, &read[4], 60) == 5)
        #expect(Array(read[..<9]) == bytes)
        #expect(edgep_read(reader, &read, 64) == 0)
        edgep_close(reader)
    }

    @Test("a closed pipe is an error and no signal")
    func closedPipe() {
        let (reader, writer) = makePipe()
        edgep_close(reader)
        for _ in 0..<3 { #expect(edgep_write(writer, "x", 1) == -EPIPE) }
        var pending = sigset_t()
        sigpending(&pending)
        #expect(sigismember(&pending, SIGPIPE) == 0)
        edgep_close(writer)
    }

    @Test("more than a pipe holds is written whole, also to a non-blocking one")
    func largeWrite() {
        for isNonBlocking in [false, true] {
            let (reader, writer) = makePipe()
            if isNonBlocking { _ = fcntl(writer, F_SETFL, O_NONBLOCK) }
            let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let pool = edgep_pool_create(2)
            let transfer = Transfer(reader: reader, writer: writer, bytes: bytes)
            edgep_pool_run(
                pool, 2,
                { context, index, _ in
                    let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
                    if index == 0 { transfer.write() } else { transfer.read() }
                }, Unmanaged.passUnretained(transfer).toOpaque())
            edgep_pool_destroy(pool)
            #expect(transfer.result == 0)
            #expect(transfer.received == bytes)
        }
    }

    /// Written by one thread and read by another; each touches its own fields.
    private final class Transfer {
        let reader: Int32
        let writer: Int32
        let bytes: [UInt8]
        var result: Int32 = -1
        var received: [UInt8] = []

        init(reader: Int32, writer: Int32, bytes: [UInt8]) {
            self.reader = reader
            self.writer = writer
            self.bytes = bytes
        }

        func write() {
            result = edgep_write(writer, bytes, bytes.count)
            edgep_close(writer)
        }

        func read() {
            var chunk = [UInt8](repeating: 0, count: 5000)
            while true {
                let count = edgep_read(reader, &chunk, chunk.count)
                if count <= 0 { break }
                received += chunk[..<Int(count)]
            }
            edgep_close(reader)
        }
    }

    @Test("descriptors that are not open and missing files are errors")
    func badDescriptors() {
        var byte: UInt8 = 0
        #expect(edgep_read(-1, &byte, 1) == Int64(-EBADF))
        #expect(edgep_write(-1, &byte, 1) == -EBADF)
        #expect(edgep_open("/nonexistent/file") == -ENOENT)
        #expect(edgep_is_terminal(-1) == 0)
    }

    @Test("a file opens for reading and is no terminal")
    func opensFiles() {
        let folder = TemporaryFolder()
        let descriptor = edgep_open(folder.file("content", [7, 8]))
        #expect(descriptor >= 0)
        var bytes: [UInt8] = [0, 0, 0]
        #expect(edgep_read(descriptor, &bytes, 3) == 2)
        #expect(bytes == [7, 8, 0])
        #expect(edgep_is_terminal(descriptor) == 0)
        edgep_close(descriptor)
    }

    @Test("environment variables are found by name")
    func environment() {
        #expect(edgep_environment("PATH") != nil)
        #expect(edgep_environment("ATTENUATE_NO_SUCH_VARIABLE") == nil)
    }
}
