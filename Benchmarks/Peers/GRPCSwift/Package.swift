// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the product depends on nothing that only its benchmark needs.
let dependencies: [Target.Dependency] = [
  "EchoSchema",
  .product(name: "GRPCCore", package: "grpc-swift-2"),
  .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
  .product(name: "NIOPosix", package: "swift-nio"),
]

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let package = Package(
  name: "GRPCSwiftPeer",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf", exact: "2.4.1"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .target(
      name: "EchoSchema",
      dependencies: [
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
      ],
      swiftSettings: settings),
    .executableTarget(name: "echo-server", dependencies: dependencies, swiftSettings: settings),
    .executableTarget(name: "echo-client", dependencies: dependencies, swiftSettings: settings),
  ])
