import CommandLineSupport
import Foundation
import Packaging

/// `--bundle`: the container together with the program of a device (formats/bundle.md).
struct BundleStep {
    struct Result {
        let architecture: String
        let path: String
        let byteCount: Int
    }

    private let architecture: BundleWriter.Architecture
    private let writer: BundleWriter
    private let path: String

    /// A step for each architecture of a list with commas.
    ///
    /// - Throws: a failure if an architecture is unknown or there is no program for it, before any
    ///   work is done.
    static func steps(_ list: String, output: String) throws(Failure) -> [BundleStep] {
        var architectures: [BundleWriter.Architecture] = []
        for name in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let architecture = BundleWriter.Architecture(rawValue: String(name)) else {
                throw Failure(
                    .unknownValue(
                        option: "--bundle", value: String(name),
                        known: BundleWriter.Architecture.allCases.map(\.rawValue).joined(
                            separator: ", ")))
            }
            guard !architectures.contains(architecture) else {
                throw Failure("option --bundle names \(name) twice", .wrongUsage)
            }
            architectures.append(architecture)
        }
        return try architectures.map { architecture throws(Failure) in
            try BundleStep(architecture, output: output)
        }
    }

    private init(
        _ architecture: BundleWriter.Architecture, output: String
    ) throws(Failure) {
        self.architecture = architecture
        let name = output.hasSuffix(".atn") ? String(output.dropLast(4)) : output
        path = "\(name)-\(architecture.rawValue)"
        do {
            writer = try BundleWriter(
                program: Self.program(for: architecture), for: architecture)
        } catch let error as PackagingError {
            throw Failure(error.description, .wrongUsage)
        } catch let error as Failure {
            throw error
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    /// The device's program: in a folder `device` beside this program or above, where
    /// tools/build-device puts it.
    private static func program(
        for architecture: BundleWriter.Architecture
    ) throws(Failure) -> String {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        var folder = own.deletingLastPathComponent()
        for _ in 0..<4 {
            let path = folder.appendingPathComponent(
                "device/\(architecture.rawValue)/run-edge"
            ).path
            if FileManager.default.isReadableFile(atPath: path) { return path }
            folder = folder.deletingLastPathComponent()
        }
        throw Failure(
            "no run-edge for \(architecture.rawValue) in device/\(architecture.rawValue) beside "
                + "\(own.path) or above; build it with: tools/build-device "
                + architecture.rawValue, .wrongUsage)
    }

    func run(container: String) throws(Failure) -> Result {
        do {
            let byteCount = try writer.write(container: container, to: path)
            return Result(
                architecture: architecture.rawValue, path: path, byteCount: byteCount)
        } catch {
            throw Failure("\(path): \(error.description)", .invalidModel)
        }
    }
}
