internal import Foundation
internal import Testing

@Suite("The shape of the tree")
struct ImportTests {
  /// The modules of the package, lowest first: a module may import only what stands before it.
  static let order: [String] = [
    "CLMDB", "COpenSSL", "CProtobufC", "CTacitProtos", "PrivacyCore", "CurveArithmetic",
    "Cryptography", "KeyManagement", "TransparencyLog", "DifferentialPrivacy", "WireFormat",
    "SchemaModel", "DynamicMessages", "SealedStore", "Transport", "HTTP", "CPKCS11",
    "KeyManagementProviders", "RPC", "CommonAPI", "HealthAPI", "ConsentAPI", "VaultAPI",
    "FeaturesAPI", "TrainerAPI", "VectorsAPI", "AuditAPI", "ReflectionAPI", "BenchAPI",
    "StoredMessages", "AuditLog", "AccessPack", "AccessGathering", "ConsentVerifier", "Renaming",
    "Gate", "ServiceKit",
    "ConsentFormats", "ConsentService", "IdentityVaultService",
    "FeatureStoreService", "TrainerService", "VectorSearchService", "Pipeline",
  ]

  static let services: Set<String> = [
    "ConsentService", "IdentityVaultService", "FeatureStoreService", "TrainerService",
    "VectorSearchService", "Pipeline",
  ]

  static let folders: [String: String] = {
    var folders = [
      "ConsentFormats": "Services/Consent/Formats",
      "ConsentService": "Services/Consent/Service",
      "IdentityVaultService": "Services/IdentityVault/Service",
      "FeatureStoreService": "Services/FeatureStore/Service",
      "TrainerService": "Services/Trainer/Service",
      "VectorSearchService": "Services/VectorSearch/Service",
      "Pipeline": "Services/Pipeline/Service",
    ]
    let systemLibraries: Set<String> = [
      "CLMDB", "COpenSSL", "CProtobufC", "CTacitProtos", "CPKCS11",
    ]
    for module in order where folders[module] == nil && !systemLibraries.contains(module) {
      folders[module] =
        module.hasSuffix("API") ? "Protos/Generated/\(module)" : "Shared/\(module)"
    }
    return folders
  }()

  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private func imports(of module: String) throws -> Set<String> {
    guard let folder = Self.folders[module],
      let files = FileManager.default.enumerator(
        at: Self.root.appending(path: folder), includingPropertiesForKeys: nil)
    else { return [] }
    var imports: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ")
        if let index = words.firstIndex(of: "import"), index <= 2, index + 1 < words.count,
          !line.contains("//")
        {
          imports.insert(String(words[index + 1].split(separator: ".")[0]))
        }
      }
    }
    return imports
  }

  @Test("imports point down only", arguments: order)
  func arrows(module: String) throws {
    let position = try #require(Self.order.firstIndex(of: module))
    for imported in try imports(of: module) {
      guard let other = Self.order.firstIndex(of: imported) else { continue }
      #expect(other < position, "\(module) imports \(imported), which stands above it")
    }
  }

  @Test("a service never imports another", arguments: services.sorted())
  func isolation(module: String) throws {
    #expect(try imports(of: module).intersection(Self.services) == [])
  }

  @Test("only its owner imports a C library")
  func owners() throws {
    let owners: [String: Set<String>] = [
      "CLMDB": ["SealedStore"], "COpenSSL": ["Cryptography"],
      "CPKCS11": ["KeyManagementProviders"],
    ]
    for module in Self.order {
      for (library, owners) in owners where try imports(of: module).contains(library) {
        #expect(owners.contains(module), "\(module) imports \(library)")
      }
    }
  }

  @Test("there is something to check")
  func notEmpty() throws {
    #expect(try imports(of: "SealedStore").contains("CLMDB"))
    #expect(try imports(of: "Pipeline").contains("ServiceKit"))
  }
}
