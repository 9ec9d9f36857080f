// swift-tools-version: 6.2
import PackageDescription

// What every Swift target is built with: Swift 6 mode, `unsafe` marked at each use, imports that
// do not leak, and members visible only through the module that declares them.
let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

// Debian's libutf8proc.pc carries a define that SwiftPM refuses; its header needs no search path there.
#if os(macOS)
    let utf8procPackage: String? = "libutf8proc"
#else
    let utf8procPackage: String? = nil
#endif

let collections = "swift-collections"
let arguments = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "choroy",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "ChoroyText", targets: ["ChoroyText"]),
        .library(name: "ChoroyTensor", targets: ["ChoroyTensor"]),
        .library(name: "ChoroyModel", targets: ["ChoroyModel"]),
        .library(name: "ChoroyTraining", targets: ["ChoroyTraining"]),
        .library(name: "ChoroyGeneration", targets: ["ChoroyGeneration"]),
        .executable(name: "choroy", targets: ["choroy"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CUTF8Proc", pkgConfig: utf8procPackage,
            providers: [.apt(["libutf8proc-dev"]), .brew(["utf8proc"])]),
        // zlib has its header where compilers look anyway, on macOS in the SDK.
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CChoroyKernels"),
        .target(name: "ChoroySystem", dependencies: ["CZlib"], swiftSettings: settings),
        .target(
            name: "ChoroyText",
            dependencies: [
                "ChoroySystem", "CUTF8Proc", "CChoroyKernels",
                .product(name: "HeapModule", package: collections),
            ], swiftSettings: settings),
        .target(
            name: "ChoroyTensor",
            dependencies: ["ChoroySystem", "CChoroyKernels"], swiftSettings: settings),
        .target(
            name: "ChoroyModel",
            dependencies: ["ChoroySystem", "ChoroyText", "ChoroyTensor", "CChoroyKernels"],
            swiftSettings: settings),
        .target(
            name: "ChoroyTraining",
            dependencies: ["ChoroySystem", "ChoroyText", "ChoroyTensor", "ChoroyModel"],
            swiftSettings: settings),
        .target(
            name: "ChoroyGeneration",
            dependencies: ["ChoroySystem", "ChoroyText", "ChoroyTensor", "ChoroyModel"],
            swiftSettings: settings),
        .executableTarget(
            name: "choroy",
            dependencies: [
                "ChoroySystem", "ChoroyText", "ChoroyTensor", "ChoroyModel", "ChoroyTraining",
                "ChoroyGeneration", arguments,
            ], swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["ChoroySystem"], path: "Tests/Support",
            exclude: ["install-libraries.sh"],
            swiftSettings: settings),
        .testTarget(
            name: "ChoroyTensorTests",
            dependencies: ["ChoroySystem", "ChoroyTensor", "CChoroyKernels", "TestSupport"],
            exclude: ["Golden"], swiftSettings: settings),
        .testTarget(
            name: "ChoroyModelTests",
            dependencies: [
                "ChoroySystem", "ChoroyText", "ChoroyTensor", "ChoroyModel", "TestSupport",
            ],
            exclude: ["Golden"], swiftSettings: settings),
        .testTarget(
            name: "ChoroySystemTests", dependencies: ["ChoroySystem", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ChoroyTextTests",
            dependencies: ["ChoroySystem", "ChoroyText", "CChoroyKernels", "TestSupport"],
            exclude: ["Golden"], swiftSettings: settings),
        .testTarget(
            name: "ChoroyTrainingTests",
            dependencies: [
                "ChoroyTraining", "ChoroyModel", "ChoroyTensor", "ChoroyText", "ChoroySystem",
                "TestSupport",
            ], exclude: ["Golden"], swiftSettings: settings),
        .testTarget(
            name: "ChoroyGenerationTests",
            dependencies: [
                "ChoroySystem", "ChoroyText", "ChoroyTensor", "ChoroyModel", "ChoroyGeneration",
                "TestSupport",
            ], swiftSettings: settings),
        .testTarget(
            name: "ChoroyCommandTests",
            dependencies: ["choroy", "ChoroySystem", "ChoroyText", "TestSupport"],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
