internal import Cryptography
internal import RPC
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import TrainerService

@Suite("The lineage of a model")
struct LineageTests {
  // MARK: Receipts

  /// The root as RFC 6962, section 2.1 defines it: split at the largest power of two below the
  /// number of leaves.
  private static func root(_ leaves: [[UInt8]]) throws -> [UInt8] {
    guard leaves.count > 1 else {
      return try leaves.first.map { try Digest.sha256([0] + $0) } ?? Digest.sha256([])
    }
    var split = 1
    while split * 2 < leaves.count { split *= 2 }
    let left = try root(Array(leaves[..<split]))
    let right = try root(Array(leaves[split...]))
    return try Digest.sha256([1] + left + right)
  }

  private static func root(of receipts: [String]) throws -> [UInt8] {
    try root(receipts.sorted().map { Array($0.utf8) })
  }

  @Test("the root over any number of leaves is that of RFC 6962", arguments: 0...33)
  func merkle(count: Int) throws {
    let leaves = (0..<count).map { [UInt8](repeating: UInt8($0), count: $0) }
    #expect(try MerkleTree.root(of: leaves) == Self.root(leaves))
  }

  @Test("the root stands on the receipts of those who are in it, and changes when one leaves")
  func receipts() async throws {
    try await TrainerFixture.run { fixture in
      let receipts = try await fixture.grant(1, 2, 3, 4, 5, 6)
      fixture.features.hold(1, 2, 3, 4, 5, 6, 7)
      // Person 6 has no history and person 7 no receipt.
      for person in [1, 2, 3, 4, 5, 7] as [UInt8] { fixture.features.had(["a": 1], person) }
      let before = try #require(try await fixture.train())
      #expect(before.receiptsRoot == (try Self.root(of: Array(receipts[..<5]))))

      try await fixture.withdraw(3)
      let after = try #require(try await fixture.train())
      let left = [receipts[0], receipts[1], receipts[3], receipts[4]]
      #expect(after.receiptsRoot == (try Self.root(of: left)))
      #expect(after.receiptsRoot != before.receiptsRoot)
    }
  }

  @Test("the root over nobody is the hash of nothing")
  func nobody() async throws {
    try await TrainerFixture.run { fixture in
      let model = try #require(try await fixture.train())
      #expect(model.receiptsRoot == (try Digest.sha256([])))
    }
  }

  // MARK: The manifest

  private static let items = [
    CatalogueItem(item: "a", text: "RED LANTERN"), CatalogueItem(item: "b", text: "TEA POT"),
  ]

  private static let changes: [@Sendable (inout TrainRequest) -> Void] = [
    { _ in },
    { $0.purpose = "other" },
    {
      $0.dataset = "refunds"
      $0.historyFeature = "returns:items"
    },
    { $0.historyFeature = "purchases:wishes" },
    { $0.scope = "product_recs" },
    { $0.asOfUs = 1 },
    { $0.epsilon = 0.9 },
    { $0.catalogue = items.reversed() },
    { $0.catalogue = [items[0]] },
    { $0.catalogue[0].text = "BLUE LANTERN" },
    { $0.catalogue[0].item = "c" },
  ]

  @Test("the manifest's hash changes with each parameter and with nothing else")
  func manifest() async throws {
    var hashes: [[UInt8]] = []
    try await TrainerFixture.run { fixture in
      try await fixture.open(purpose: "other", epsilonLimit: 10)
      try await fixture.open(dataset: "refunds", purpose: "test", epsilonLimit: 10)
      for change in Self.changes {
        hashes.append(try #require(try await fixture.train(change)).manifestHash)
      }
      // Who is in it, and with which noise, is not what was asked for.
      try await fixture.grant(1)
      fixture.features.hold(1)
      fixture.features.had(["a": 1], 1)
      let again = try #require(try await fixture.train())
      #expect(again.manifestHash == hashes[0])
    }
    try await TrainerFixture.run(delta: 1e-6) { fixture in
      hashes.append(try #require(try await fixture.train()).manifestHash)
    }
    #expect(Set(hashes).count == Self.changes.count + 1)
  }
}
