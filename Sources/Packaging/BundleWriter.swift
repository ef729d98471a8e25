import AtomicFiles
import EdgeFormat
import Foundation

/// Attaches a container to the program that runs it (formats/bundle.md).
package struct BundleWriter {
    /// What a device's program is compiled for.
    package enum Architecture: String, CaseIterable, Sendable {
        case aarch64
        case armv7
        case x86 = "x86-64"

        /// `e_machine` of its ELF files.
        fileprivate var machine: UInt16 {
            switch self {
            case .aarch64: 183
            case .armv7: 40
            case .x86: 62
            }
        }
    }

    private static let blockBytes = 1 << 20
    private let program: Data

    /// Reads the program.
    ///
    /// - Throws: `program` if the file is none for the architecture, or has a container already.
    package init(
        program path: String, for architecture: Architecture
    ) throws(PackagingError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw .program("\(path): \((error as NSError).localizedDescription)")
        }
        let header = [UInt8](data.prefix(20))
        guard header.count == 20, header.starts(with: [0x7f, 0x45, 0x4c, 0x46]),
            UInt16(header[18]) | UInt16(header[19]) << 8 == architecture.machine
        else { throw .program("\(path): no program for \(architecture.rawValue)") }
        let trailer: BundleTrailer?
        do throws(FormatError) {
            trailer = try BundleTrailer.trailer(
                in: [UInt8](data.suffix(BundleTrailer.byteCount)), fileSize: data.count)
        } catch {
            throw .format(error)
        }
        guard trailer == nil else {
            throw .program("\(path): has a model attached already")
        }
        program = data
    }

    /// Writes the bundle to `path`, where a complete executable file appears or none.
    ///
    /// - Returns: The size of the bundle in bytes.
    @discardableResult
    package func write(container: String, to path: String) throws(PackagingError) -> Int {
        let model: Data
        do {
            model = try Data(contentsOf: URL(fileURLWithPath: container), options: .mappedIfSafe)
        } catch {
            throw .program("\(container): \((error as NSError).localizedDescription)")
        }
        do throws(AtomicFileError) {
            let file = try AtomicFile(path: path, isExecutable: true)
            try file.append([UInt8](program))
            let alignment = BundleTrailer.alignment
            try file.append(
                [UInt8](repeating: 0, count: (alignment - file.offset % alignment) % alignment))
            let start = file.offset
            for first in stride(from: 0, to: model.count, by: Self.blockBytes) {
                let end = min(first + Self.blockBytes, model.count)
                try file.append([UInt8](model[first..<end]))
            }
            let trailer = BundleTrailer(containerOffset: start, containerSize: model.count)
            try file.append(trailer.encoded())
            try file.commit()
            return file.offset
        } catch {
            throw .file(error)
        }
    }
}
