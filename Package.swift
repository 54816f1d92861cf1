// swift-tools-version: 6.2
import PackageDescription

// Targets stand layer by layer, lowest first; a target may only depend on what stands above it
// in this file. Tests/Architecture reads the imports and holds the sources to the same order.

// MARK: - Settings

/// Where libFuzzer is, when fuzzers are to be built: Tests/Fuzz/run.sh says so.
let fuzzerLibrary = Context.environment["TACIT_FUZZER_LIBRARY"]

/// The house rules for every Swift target.
let houseRules: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (fuzzerLibrary == nil ? [] : [.unsafeFlags(["-sanitize=fuzzer"])])

/// The rules for the targets that touch C: every unsafe expression is marked.
let houseRulesBesideC: [SwiftSetting] = houseRules + [.strictMemorySafety()]

// MARK: - Packages

let nio: Target.Dependency = .product(name: "NIO", package: "swift-nio")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLSEvents: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let certificates: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let certificateKeys: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let certificateEncoding: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(
  name: "UnixSignals", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
let yaml: Target.Dependency = .product(name: "Yams", package: "Yams")

let packages: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
  .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
  .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
  .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
]

// MARK: - Shorthand for one kind of target each

func shared(
  _ name: String, uses dependencies: [Target.Dependency] = [], besideC: Bool = false,
  resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Shared/\(name)", resources: resources,
    swiftSettings: besideC ? houseRulesBesideC : houseRules)
}

func api(_ name: String) -> Target {
  .target(
    name: name,
    dependencies: ["CTacitProtos", "CProtobufC", "PrivacyCore", "WireFormat", "RPC"]
      + (name == "CommonAPI" ? [] : ["CommonAPI"]),
    path: "Protos/Generated/\(name)", swiftSettings: houseRulesBesideC)
}

func service(
  _ name: String, folder: String, uses dependencies: [Target.Dependency],
  resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Services/\(folder)/Service",
    resources: resources, swiftSettings: houseRules)
}

func command(_ name: String, folder: String, uses dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies + [arguments], path: "Services/\(folder)/CLI",
    swiftSettings: houseRules)
}

func tests(
  _ name: String, folder: String, uses dependencies: [Target.Dependency],
  resources: [Resource] = [], besideC: Bool = false
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(folder)/\(name)",
    resources: resources, swiftSettings: houseRules)
}

// MARK: - Targets

let systemLibraries: [Target] = [
  .systemLibrary(name: "CLMDB", path: "Shared/CLMDB", pkgConfig: "lmdb"),
  .systemLibrary(name: "COpenSSL", path: "Shared/COpenSSL", pkgConfig: "openssl"),
  .systemLibrary(name: "CProtobufC", path: "Shared/CProtobufC", pkgConfig: "libprotobuf-c"),
]

let generatedC: [Target] = [
  .target(
    name: "CTacitProtos", dependencies: ["CProtobufC"], path: "Protos/Generated/C",
    cSettings: [.unsafeFlags(["-Wno-everything"])])
]

let sharedTargets: [Target] = [
  shared("PrivacyCore"),
  // Optimised in debug builds too: millions of multiplications make a batch of points.
  .target(
    name: "CurveArithmetic", path: "Shared/CurveArithmetic",
    swiftSettings: houseRules + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
  shared("Cryptography", uses: ["PrivacyCore", "CurveArithmetic", "COpenSSL"], besideC: true),
  shared("KeyManagement", uses: ["PrivacyCore", "Cryptography"]),
  shared("TransparencyLog", uses: ["PrivacyCore", "Cryptography"]),
  // Optimised in debug builds too: its accountant's transforms would make every test run wait.
  .target(
    name: "DifferentialPrivacy", dependencies: ["PrivacyCore"], path: "Shared/DifferentialPrivacy",
    swiftSettings: houseRules + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
  shared("SealedStore", uses: ["PrivacyCore", "Cryptography", "CLMDB"], besideC: true),
  shared("WireFormat", uses: ["PrivacyCore", "CTacitProtos", "CProtobufC"], besideC: true),
  shared("SchemaModel", uses: ["CTacitProtos", "CProtobufC"], besideC: true),
  shared("DynamicMessages", uses: ["PrivacyCore", "WireFormat", "SchemaModel"]),
  shared(
    "Transport",
    uses: [
      "PrivacyCore", nioCore, nioPosix, nioTLS, certificates, certificateKeys,
      certificateEncoding, log,
    ]),
  shared("HTTP", uses: [nioCore, nioPosix, nioHTTP, nioTLS]),
  .target(name: "CPKCS11", path: "Shared/CPKCS11", linkerSettings: [.linkedLibrary("dl")]),
  shared(
    "KeyManagementProviders",
    uses: ["PrivacyCore", "Cryptography", "KeyManagement", "HTTP", "CPKCS11"], besideC: true),
  shared(
    "RPC", uses: ["PrivacyCore", "WireFormat", "Transport", nioCore, nioPosix, nioTLSEvents, log]),
]

let generatedAPIs: [Target] = [
  api("CommonAPI"), api("HealthAPI"), api("ConsentAPI"), api("VaultAPI"), api("FeaturesAPI"),
  api("TrainerAPI"), api("VectorsAPI"), api("AuditAPI"), api("ReflectionAPI"),
  api("BenchAPI"),
]

let upperShared: [Target] = [
  shared(
    "StoredMessages", uses: ["PrivacyCore", "SealedStore", "WireFormat"], besideC: true),
  shared(
    "AuditLog",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "SealedStore", "WireFormat", "AuditAPI",
    ]),
  shared(
    "AccessPack",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "WireFormat", "DynamicMessages", "AuditAPI",
    ]),
  shared(
    "AccessGathering",
    uses: [
      "PrivacyCore", "RPC", "CommonAPI", "ConsentAPI", "VaultAPI", "FeaturesAPI", "TrainerAPI",
      "VectorsAPI", "AccessPack",
    ]),
  shared(
    "ConsentVerifier",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "WireFormat", "AuditAPI", "ConsentAPI",
    ]),
  shared(
    "Renaming",
    uses: [
      "PrivacyCore", "Cryptography", "SealedStore", "StoredMessages", "AuditLog", "RPC",
      "CommonAPI", "VaultAPI", log,
    ]),
  shared(
    "Gate",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "SealedStore", "AuditLog", "RPC",
      "CommonAPI", "ConsentAPI", "VaultAPI", "ConsentVerifier", log,
    ]),
  shared(
    "ServiceKit",
    uses: [
      "PrivacyCore", "Cryptography", "KeyManagement", "KeyManagementProviders", "SealedStore",
      "StoredMessages", "AuditLog", "AuditAPI", "TransparencyLog", "Transport", "WireFormat", "RPC",
      "CommonAPI", "HealthAPI", "SchemaModel", "DynamicMessages", "AccessPack",
      "ReflectionAPI", log, lifecycle, signals, arguments,
    ]),
]

let services: [Target] = [
  .target(
    name: "ConsentFormats", dependencies: ["PrivacyCore"], path: "Services/Consent/Formats",
    swiftSettings: houseRules),
  service(
    "ConsentService", folder: "Consent",
    uses: [
      "PrivacyCore", "Cryptography", "KeyManagement", "TransparencyLog", "SealedStore",
      "StoredMessages", "AuditLog", "WireFormat", "Transport", "RPC", "CommonAPI", "ConsentAPI",
      "VaultAPI", "ConsentVerifier", "DynamicMessages", "Renaming", "ServiceKit", "HTTP",
      "ConsentFormats", log,
    ]),
  service(
    "IdentityVaultService", folder: "IdentityVault",
    uses: [
      "PrivacyCore", "Cryptography", "KeyManagement", "SealedStore", "StoredMessages", "AuditLog",
      "TransparencyLog", "Transport", "RPC", "CommonAPI", "VaultAPI", "DynamicMessages",
      "ConsentVerifier", "ServiceKit", log,
    ]),
  service(
    "FeatureStoreService", folder: "FeatureStore",
    uses: [
      "PrivacyCore", "Cryptography", "SealedStore", "StoredMessages", "AuditLog", "Transport",
      "RPC", "CommonAPI", "ConsentAPI", "VaultAPI", "FeaturesAPI", "DynamicMessages", "Renaming",
      "Gate", "ServiceKit", yaml, log,
    ]),
  service(
    "TrainerService", folder: "Trainer",
    uses: [
      "PrivacyCore", "Cryptography", "DifferentialPrivacy", "SealedStore", "StoredMessages",
      "AuditLog", "RPC",
      "CommonAPI", "TrainerAPI", "ConsentAPI", "FeaturesAPI", "DynamicMessages",
      "ConsentVerifier", "Gate", "ServiceKit", log,
    ]),
  // Optimised in debug builds too: what they time out on is the scan of every vector.
  .target(
    name: "CVectorKernels", path: "Services/VectorSearch/Kernels",
    cSettings: [.unsafeFlags(["-O3"])]),
  .target(
    name: "VectorIndex", dependencies: ["CVectorKernels"], path: "Services/VectorSearch/Index",
    swiftSettings: houseRulesBesideC + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
  service(
    "VectorSearchService", folder: "VectorSearch",
    uses: [
      "PrivacyCore", "Cryptography", "DifferentialPrivacy", "SealedStore", "StoredMessages",
      "AuditLog", "Transport", "RPC", "CommonAPI", "ConsentAPI", "VaultAPI", "FeaturesAPI",
      "TrainerAPI", "VectorsAPI", "DynamicMessages", "Renaming", "Gate", "ServiceKit",
      "VectorIndex", log,
    ]),
  .target(
    name: "Pipeline",
    dependencies: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "RPC", "AuditAPI", "ConsentAPI", "VaultAPI",
      "FeaturesAPI", "TrainerAPI", "VectorsAPI", "HealthAPI", "ReflectionAPI", "WireFormat",
      "SchemaModel",
      "DynamicMessages", "Transport", "KeyManagement", "KeyManagementProviders", "ServiceKit", yaml,
      log,
    ],
    path: "Services/Pipeline/Service", swiftSettings: houseRules),
]

let commands: [Target] = [
  command(
    "tacit-consent", folder: "Consent",
    uses: [
      "PrivacyCore", "ConsentFormats", "ConsentService", "ConsentAPI", "ConsentVerifier", "RPC",
      "ServiceKit",
    ]),
  command(
    "tacit-features", folder: "FeatureStore",
    uses: [
      "PrivacyCore", "Renaming", "FeatureStoreService", "CommonAPI", "FeaturesAPI", "RPC",
      "ServiceKit",
    ]),
  command(
    "tacit-vault", folder: "IdentityVault",
    uses: [
      "PrivacyCore", "Cryptography", "IdentityVaultService", "VaultAPI", "AccessPack",
      "AccessGathering", "RPC", "ServiceKit",
    ]),
  command(
    "tacit-trainer", folder: "Trainer",
    uses: ["PrivacyCore", "TrainerService", "TrainerAPI", "RPC", "ServiceKit"]),
  command(
    "tacit-vectors", folder: "VectorSearch",
    uses: [
      "PrivacyCore", "Renaming", "VectorSearchService", "CommonAPI", "VectorsAPI", "RPC",
      "ServiceKit",
    ]),
  command(
    "tacit", folder: "Pipeline",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "AuditAPI", "ConsentAPI", "ConsentVerifier",
      "AccessPack", "DynamicMessages", "SchemaModel", "Pipeline", "RPC", "ServiceKit", "WireFormat",
    ]),
  .executableTarget(
    name: "tacit-protogen", dependencies: ["PrivacyCore", "SchemaModel"],
    path: "Tools/Protogen", swiftSettings: houseRules),
]

// What `make bench-rpc` and `make bench-store` run, and the measure of the consent formats; no
// product of the package needs them.
let benchmarks: [Target] = [
  .executableTarget(
    name: "rpc-bench-server",
    dependencies: ["WireFormat", "BenchAPI", "RPC", "Transport", log, arguments],
    path: "Benchmarks/RPC/Server", swiftSettings: houseRules),
  .executableTarget(
    name: "rpc-bench-client", dependencies: ["BenchAPI", "RPC", "Transport", arguments],
    path: "Benchmarks/RPC/Client", swiftSettings: houseRules),
  // Without packages, so that it builds in a minute.
  .executableTarget(
    name: "store-bench", dependencies: ["PrivacyCore", "Cryptography", "SealedStore"],
    path: "Benchmarks/Store/Bench", swiftSettings: houseRules),
  .executableTarget(
    name: "vault-oblivious-bench", dependencies: ["PrivacyCore", "Cryptography"],
    path: "Benchmarks/Vault/Oblivious", swiftSettings: houseRules),
  .executableTarget(
    name: "rekey-bench",
    dependencies: [
      "PrivacyCore", "Cryptography", "SealedStore", "AuditLog", "WireFormat", "Transport", "RPC",
      "CommonAPI", "FeaturesAPI", "Renaming", "Gate", "FeatureStoreService", log, arguments,
    ],
    path: "Benchmarks/Vault/Rekey", swiftSettings: houseRules),
  .executableTarget(
    name: "consent-formats-bench", dependencies: ["PrivacyCore", "ConsentFormats"],
    path: "Benchmarks/ConsentFormats", swiftSettings: houseRules),
  .executableTarget(
    name: "consent-bench",
    dependencies: [
      "PrivacyCore", "ConsentAPI", "Gate", "RPC", "Transport", log, arguments,
    ],
    path: "Benchmarks/Consent/Bench", swiftSettings: houseRules),
  .executableTarget(
    name: "audit-log-bench",
    dependencies: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "SealedStore", "AuditLog", arguments,
    ],
    path: "Benchmarks/AuditLog", swiftSettings: houseRules),
  .executableTarget(
    name: "vault-bench",
    dependencies: [
      "PrivacyCore", "Cryptography", "KeyManagement", "SealedStore", "AuditLog", "VaultAPI", "RPC",
      "Transport", "IdentityVaultService", "Gate", "ServiceKit", log, arguments,
    ],
    path: "Benchmarks/Vault/Bench", swiftSettings: houseRules),
  .executableTarget(
    name: "consent-proof-bench",
    dependencies: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "SealedStore", "AuditLog", "ConsentAPI",
      "ConsentVerifier", "ConsentService", arguments,
    ],
    path: "Benchmarks/Consent/Proofs", swiftSettings: houseRules),
]

// What `make histories` runs.
let histories: [Target] = [
  .executableTarget(
    name: "consent-histories", dependencies: ["ConsentSimulation", arguments],
    path: "Benchmarks/Histories", swiftSettings: houseRules)
]

let testTargets: [Target] = [
  .target(
    name: "TestSupport", dependencies: ["PrivacyCore"], path: "Tests/Support",
    swiftSettings: houseRules),
  .target(
    name: "RPCTestSupport", dependencies: ["Transport", "WireFormat", "RPC", log],
    path: "Tests/SupportRPC", swiftSettings: houseRules),
  .target(
    name: "Simulation", dependencies: ["PrivacyCore", "Transport", nioCore, log],
    path: "Tests/SupportSimulation", swiftSettings: houseRules),
  .target(
    name: "ConsentSimulation",
    dependencies: [
      "PrivacyCore", "Cryptography", "SealedStore", "AuditLog", "Transport", "RPC", "CommonAPI",
      "ConsentAPI", "VaultAPI", "WireFormat", "Gate", "ConsentService", "ServiceKit", "Simulation",
      log,
    ],
    path: "Tests/SupportConsentSimulation", swiftSettings: houseRules),
  .target(
    name: "SimulatedStack",
    dependencies: [
      "PrivacyCore", "Cryptography", "KeyManagement", "SealedStore", "AuditAPI", "AuditLog",
      "Transport",
      "WireFormat", "RPC", "ServiceKit", "ConsentService", "IdentityVaultService",
      "FeatureStoreService", "TrainerService", "VectorSearchService", "Simulation", nioCore, log,
    ],
    path: "Tests/SupportSimulatedStack", swiftSettings: houseRules),
  .target(
    name: "WireTestSupport", dependencies: ["PrivacyCore", "CTacitProtos", "WireFormat"],
    path: "Tests/SupportWire", swiftSettings: houseRulesBesideC),
  tests("PrivacyCoreTests", folder: "Shared", uses: ["PrivacyCore", "TestSupport"]),
  tests("CurveArithmeticTests", folder: "Shared", uses: ["PrivacyCore", "CurveArithmetic"]),
  tests(
    "CryptographyTests", folder: "Shared",
    uses: ["PrivacyCore", "CurveArithmetic", "Cryptography", "TestSupport"]),
  tests(
    "KeyManagementTests", folder: "Shared",
    uses: [
      "PrivacyCore", "Cryptography", "KeyManagement", "HTTP", "KeyManagementProviders",
      "TestSupport", nioCore, nioPosix, nioHTTP, nioTLS,
    ]),
  tests(
    "TransparencyLogTests", folder: "Shared",
    uses: ["PrivacyCore", "Cryptography", "TransparencyLog", "TestSupport"]),
  tests(
    "DifferentialPrivacyTests", folder: "Shared",
    uses: ["PrivacyCore", "DifferentialPrivacy", "TestSupport"]),
  .executableTarget(
    name: "StoreCrashWriter", dependencies: ["PrivacyCore", "Cryptography", "SealedStore"],
    path: "Tests/Tools/StoreCrashWriter", swiftSettings: houseRules),
  tests(
    "SealedStoreTests", folder: "Shared",
    uses: ["PrivacyCore", "Cryptography", "SealedStore", "StoreCrashWriter", "TestSupport"]),
  tests(
    "WireFormatTests", folder: "Shared",
    uses: [
      "PrivacyCore", "CTacitProtos", "CProtobufC", "WireFormat", "WireTestSupport", "TestSupport",
      "tacit-protogen",
    ]),
  tests(
    "SchemaModelTests", folder: "Shared",
    uses: ["SchemaModel", "ReflectionAPI", "WireTestSupport", "TestSupport"]),
  tests(
    "DynamicMessagesTests", folder: "Shared",
    uses: [
      "PrivacyCore", "SchemaModel", "DynamicMessages", "WireFormat", "WireTestSupport",
      "TestSupport",
    ]),
  tests(
    "TransportTests", folder: "Shared", uses: ["PrivacyCore", "Transport", "TestSupport", log]),
  tests(
    "RPCTests", folder: "Shared",
    uses: [
      "PrivacyCore", "WireFormat", "Transport", "RPC", "HealthAPI", "ConsentAPI", "TestSupport",
      nioEmbedded, nioPosix,
    ]),
  tests(
    "AccessPackTests", folder: "Shared",
    uses: ["PrivacyCore", "DynamicMessages", "AccessPack", "TestSupport"]),
  tests(
    "AuditLogTests", folder: "Shared",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "SealedStore", "AuditAPI", "AuditLog",
      "TestSupport",
    ]),
  tests(
    "RenamingTests", folder: "Shared",
    uses: [
      "PrivacyCore", "Cryptography", "SealedStore", "StoredMessages", "AuditLog", "CommonAPI",
      "Transport", "RPC", "VaultAPI", "Renaming", "TestSupport", "RPCTestSupport", log,
    ]),
  tests(
    "GateTests", folder: "Shared",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "SealedStore", "AuditLog", "AuditAPI",
      "ConsentVerifier", "Gate", "CommonAPI", "ConsentAPI", "VaultAPI", "WireFormat", "Transport",
      "RPC", "TestSupport", "RPCTestSupport", log,
    ]),
  tests(
    "ServiceKitTests", folder: "Shared",
    uses: [
      "PrivacyCore", "WireFormat", "DynamicMessages", "AccessPack", "Cryptography", "KeyManagement",
      "SealedStore", "AuditLog", "AuditAPI",
      "TransparencyLog", "CommonAPI",
      "HealthAPI", "ServiceKit", "Transport", "RPC", "TestSupport", "RPCTestSupport", log,
      arguments,
    ]),
  tests(
    "ConsentFormatsTests", folder: "Services",
    uses: ["PrivacyCore", "ConsentFormats", "TestSupport"]),
  tests(
    "ConsentServiceTests", folder: "Services",
    uses: [
      "PrivacyCore", "DynamicMessages", "AccessPack", "Cryptography", "TransparencyLog",
      "SealedStore", "StoredMessages", "AuditAPI",
      "AuditLog", "Transport", "RPC", "CommonAPI", "ConsentAPI", "ConsentVerifier", "VaultAPI",
      "Renaming", "Gate", "WireFormat", "HTTP", "ConsentFormats", "ConsentService", "ServiceKit",
      "TestSupport", log, nioCore, nioPosix, nioHTTP,
    ]),
  tests(
    "IdentityVaultServiceTests", folder: "Services",
    uses: [
      "PrivacyCore", "DynamicMessages", "AccessPack", "CommonAPI", "TransparencyLog",
      "Cryptography", "KeyManagement", "SealedStore", "StoredMessages",
      "WireFormat", "AuditAPI", "AuditLog", "Transport", "RPC", "VaultAPI",
      "IdentityVaultService", "ServiceKit", "TestSupport",
    ]),
  tests(
    "FeatureStoreServiceTests", folder: "Services",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "SealedStore", "StoredMessages", "AuditLog",
      "WireFormat", "CommonAPI", "AuditAPI", "Transport", "RPC", "FeaturesAPI", "ConsentAPI",
      "VaultAPI", "Renaming", "Gate", "FeatureStoreService", "ServiceKit", log, "TestSupport",
      "RPCTestSupport",
    ]),
  tests(
    "TrainerServiceTests", folder: "Services",
    uses: [
      "PrivacyCore", "Cryptography", "DifferentialPrivacy", "SealedStore", "StoredMessages",
      "AuditAPI", "AuditLog", "KeyManagement", "WireFormat", "Transport", "RPC",
      "CommonAPI", "TrainerAPI", "FeaturesAPI", "Gate", "TrainerService", "ServiceKit",
      "TestSupport",
      "RPCTestSupport", log,
    ]),
  tests(
    "VectorSearchServiceTests", folder: "Services",
    uses: [
      "PrivacyCore", "Cryptography", "SealedStore", "StoredMessages", "AuditAPI", "AuditLog",
      "Transport", "RPC", "CommonAPI", "ConsentAPI", "VaultAPI", "FeaturesAPI", "TrainerAPI",
      "VectorsAPI", "Renaming", "Gate", "VectorIndex", "VectorSearchService", "ServiceKit",
      "TestSupport", "RPCTestSupport", log,
    ]),
  tests(
    "PipelineTests", folder: "Services",
    uses: [
      "PrivacyCore", "Cryptography", "TransparencyLog", "SealedStore", "AuditLog", "AuditAPI",
      "RPC", "CommonAPI", "ConsentAPI", "FeaturesAPI", "VaultAPI", "HealthAPI",
      "ReflectionAPI", "SchemaModel", "DynamicMessages", "KeyManagement", "Pipeline", "ServiceKit",
      "TestSupport", "RPCTestSupport",
    ]),
  .testTarget(
    name: "SimulationTests",
    dependencies: [
      "PrivacyCore", "TransparencyLog", "SealedStore", "WireFormat", "DynamicMessages", "Transport",
      "RPC", "AuditAPI", "AuditLog", "CommonAPI", "ConsentService", "IdentityVaultService",
      "FeatureStoreService", "TrainerService", "VectorSearchService", "AccessPack",
      "AccessGathering", "ConsentAPI", "VaultAPI", "FeaturesAPI",
      "TrainerAPI", "VectorsAPI", "ServiceKit", "Simulation", "ConsentSimulation",
      "SimulatedStack", "TestSupport", log,
    ],
    path: "Tests/Simulation", swiftSettings: houseRules),
  // Depends on the programs so that they are built; it starts them as processes.
  .testTarget(
    name: "IntegrationTests",
    dependencies: [
      "PrivacyCore", "Transport", "RPC", "CommonAPI", "ConsentAPI", "FeaturesAPI", "TrainerAPI",
      "VectorsAPI", "Pipeline", "ServiceKit", "TestSupport",
      "tacit", "tacit-consent", "tacit-vault", "tacit-features", "tacit-trainer", "tacit-vectors",
    ],
    path: "Tests/Integration", swiftSettings: houseRules),
  .testTarget(
    name: "ArchitectureTests", dependencies: ["TestSupport"], path: "Tests/Architecture",
    swiftSettings: houseRules),
]

func fuzzer(_ name: String, folder: String, uses dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: ["FuzzDriver"] + dependencies, path: "Tests/Fuzz/\(folder)",
    swiftSettings: houseRules,
    linkerSettings: [.unsafeFlags([fuzzerLibrary ?? ""]), .linkedLibrary("stdc++")])
}

let fuzzTargets: [Target] =
  fuzzerLibrary == nil
  ? []
  : [
    .systemLibrary(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .target(
      name: "FuzzDriver", dependencies: ["CFuzzer"], path: "Tests/Fuzz/Driver",
      swiftSettings: houseRules),
    fuzzer("fuzz-frames", folder: "Frames", uses: ["WireFormat"]),
    fuzzer("fuzz-log", folder: "Log", uses: ["TransparencyLog"]),
    fuzzer(
      "fuzz-formats", folder: "Formats",
      uses: ["ConsentFormats", "ConsentVerifier", "TransparencyLog", "AccessPack"]),
    fuzzer(
      "fuzz-messages", folder: "Messages",
      uses: [
        "WireFormat", "AuditAPI", "ConsentAPI", "FeaturesAPI", "HealthAPI", "TrainerAPI",
        "VaultAPI", "VectorsAPI",
      ]),
    fuzzer(
      "fuzz-connection", folder: "Connection",
      uses: ["WireFormat", "Transport", "RPC", "HealthAPI", "CommonAPI", log]),
  ]

let allTargets =
  systemLibraries + generatedC + sharedTargets + generatedAPIs + upperShared + services + commands
  + benchmarks + testTargets + histories + fuzzTargets

// MARK: - Part builds

/// The targets named in `TACIT_ONLY` (comma-separated) and all they stand on; everything when
/// it is not set. One module and its tests then build without waiting for the rest.
func selected(_ all: [Target]) -> [Target] {
  guard let only = Context.environment["TACIT_ONLY"], !only.isEmpty else { return all }
  var wanted = Set(only.split(separator: ",").map(String.init))
  for target in all.reversed() where wanted.contains(target.name) {
    for case .byNameItem(let name, _) in target.dependencies { wanted.insert(name) }
  }
  return all.filter { wanted.contains($0.name) }
}

let targets = selected(allTargets)
let usesPackages = targets.contains { target in
  target.dependencies.contains { if case .productItem = $0 { true } else { false } }
}

let package = Package(
  name: "Tacit",
  dependencies: usesPackages ? packages : [],
  targets: targets)
