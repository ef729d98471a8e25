// swift-tools-version: 6.2
import PackageDescription

// The list of targets is the layer diagram: data flows from top to bottom, and a target imports
// only what its line names. `EdgeFormat`, `EdgeTokenizer`, `EdgeRuntime`, `CommandLineSupport`,
// `CInterface` and `run-edge` are compiled a second time, as Embedded Swift, by `tools/build-device`
// and `tools/build-library`.

// The tests set ATTENUATE_STRICT; for everybody else a newer compiler's warnings stay warnings.
let isStrict = Context.environment["ATTENUATE_STRICT"] != nil

let swiftSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
    resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources,
        swiftSettings: swiftSettings)
}

let package = Package(
    name: "attenuate",
    products: [
        .executable(name: "compress", targets: ["compress"]),
        .executable(name: "run-edge", targets: ["run-edge"]),
        .executable(name: "compare", targets: ["compare"]),
    ],
    targets: [
        // System libraries.
        .systemLibrary(
            name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),

        // C: checksums, functions of the float reference, kernels and what a program needs from Linux.
        .target(name: "CChecksums"),
        .target(name: "CElementaryFunctions"),
        .target(name: "CEdgeKernels"),
        .target(name: "CEdgePlatform", dependencies: ["CZstd"]),

        // Shared by the workstation and the device.
        module("EdgeFormat", ["CChecksums"]),
        module("CommandLineSupport", ["CEdgePlatform"]),

        // Workstation: checkpoint → model graph → passes → container.
        module("AtomicFiles"),
        module("Tensors", ["COpenBLAS"]),
        module("Checkpoints", ["Tensors", "CChecksums"]),
        module("ModelGraph", ["Checkpoints", "Tensors", "CElementaryFunctions"]),
        module(
            "ModelCompression", ["ModelGraph", "Checkpoints", "Tensors"],
            resources: ["int8", "small", "fast", "tiny", "int4", "float"].map {
                .embedInCode("Presets/\($0).json")
            }),
        module(
            "Packaging",
            [
                "ModelCompression", "ModelGraph", "Checkpoints", "Tensors", "AtomicFiles",
                "EdgeFormat", "CZstd", "CChecksums",
            ]),

        // Device: container → session.
        module("EdgeTokenizer", ["EdgeFormat"]),
        module("EdgeRuntime", ["EdgeFormat", "EdgeTokenizer", "CEdgeKernels", "CEdgePlatform"]),

        // The header attenuate.h, and what implements it for programs in other languages.
        .systemLibrary(name: "CAttenuate"),
        module(
            "CInterface",
            [
                "CAttenuate", "EdgeRuntime", "EdgeTokenizer", "EdgeFormat", "CEdgeKernels",
                "CEdgePlatform",
            ]),

        // Workstation: session and reference → report.
        module(
            "Evaluation",
            [
                "ModelGraph", "Checkpoints", "EdgeRuntime", "EdgeTokenizer", "EdgeFormat",
                "Tensors", "CEdgePlatform",
            ]),
        module("Reporting", ["ModelGraph", "Evaluation", "AtomicFiles"]),

        program(
            "compress",
            [
                "Checkpoints", "ModelGraph", "ModelCompression", "Packaging", "Evaluation",
                "Reporting", "CommandLineSupport", "Tensors", "EdgeFormat", "EdgeRuntime",
                "EdgeTokenizer", "AtomicFiles", "CEdgePlatform",
            ]),
        program(
            "run-edge",
            [
                "EdgeRuntime", "EdgeTokenizer", "EdgeFormat", "CommandLineSupport",
                "CEdgePlatform", "CChecksums",
            ]),
        program(
            "compare",
            [
                "Checkpoints", "ModelGraph", "EdgeRuntime", "Evaluation", "Reporting",
                "CommandLineSupport", "CEdgePlatform",
            ]),

        tests("TensorsTests", ["Tensors"]),
        tests("EdgeFormatTests", ["EdgeFormat", "EdgeRuntime", "CChecksums", "CZstd"]),
        tests("AtomicFilesTests", ["AtomicFiles"]),
        tests(
            "PackagingTests",
            [
                "Packaging", "ModelCompression", "ModelGraph", "Checkpoints", "Tensors",
                "AtomicFiles", "EdgeFormat", "EdgeRuntime", "CChecksums", "CZstd",
            ]),
        tests("CheckpointsTests", ["Checkpoints", "Tensors"]),
        tests("ModelGraphTests", ["ModelGraph", "Checkpoints", "Tensors", "CEdgeKernels"]),
        tests("CommandLineSupportTests", ["CommandLineSupport"]),
        tests(
            "EdgeRuntimeTests",
            ["EdgeRuntime", "EdgeTokenizer", "EdgeFormat", "Packaging", "CChecksums", "CZstd"]),
        tests(
            "ModelCompressionTests", ["ModelCompression", "ModelGraph", "Checkpoints", "Tensors"]),
        tests(
            "EndToEndTests", ["CChecksums", "CEdgePlatform", "CAttenuate", "CInterface"]),
        tests(
            "EdgeTokenizerTests", ["EdgeTokenizer", "Packaging", "Checkpoints"],
            exclude: ["Fixtures"]),
        tests("CChecksumsTests", ["CChecksums"]),
        tests("CElementaryFunctionsTests", ["CElementaryFunctions"]),
        tests("CEdgeKernelsTests", ["CEdgeKernels"]),
        tests("CEdgePlatformTests", ["CEdgePlatform", "CZstd"]),
        tests(
            "EvaluationTests",
            [
                "Evaluation", "Checkpoints", "EdgeFormat", "EdgeRuntime", "ModelCompression",
                "ModelGraph", "Packaging",
            ]),
        tests("ReportingTests", ["Reporting", "Evaluation", "ModelGraph"], exclude: ["Golden"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)
