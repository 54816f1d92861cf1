internal import CommonAPI
internal import Foundation
internal import Gate
internal import PrivacyCore
internal import RPC
internal import TestSupport
internal import Testing
internal import VectorSearchService
internal import VectorsAPI

@Suite("Collections of people")
struct PeopleTests {
  @Test("a vector is written only under a receipt in force that allows the collection's scope")
  func writing() async throws {
    try await withVectorSearch { fixture in
      try await fixture.create("tastes", scope: "product_recs")
      let allowed = try await fixture.grant(person(1), "product_recs")
      let other = try await fixture.grant(person(2), "analytics")
      let reply = try await fixture.upsert(
        [
          Self.vector(1, allowed), Self.vector(2, other), Self.vector(3, allowed),
          Self.vector(4, ""), Vector(id: [1, 2], values: [1, 0, 0, 0], consentID: allowed),
        ], to: "tastes")
      #expect(reply.written == 1)
      #expect(
        reply.rejections.map(\.reason) == [
          "no receipt in force: the receipt named does not allow product_recs",
          "no receipt in force: the receipt named is not in force for this person",
          "no receipt in force: the receipt named is not in force for this person",
          "the pid does not have 32 bytes",
        ])
    }
  }

  @Test("only people who allow it are found, with their receipts in the audit log")
  func finding() async throws {
    try await withVectorSearch { fixture in
      try await Self.fill(fixture)
      fixture.time.advance(microseconds: 40 * 86_400_000_000)
      // The receipt of person 2 was for 30 days.
      let reply = try await fixture.search([1, 0, 0, 0], in: "tastes")
      #expect(reply.hits.map(\.id) == [person(1).bytes, person(3).bytes])
      #expect(reply.withheld == 1)
      let entry = try #require(try fixture.audited("vectors.search").first)
      #expect(entry.pids == [person(1).bytes, person(3).bytes] && entry.consentIDs.count == 2)
      #expect(entry.details["withheld"] == "1")
    }
  }

  @Test("without a lease nobody is found and nobody is written")
  func noLease() async throws {
    try await withVectorSearch { fixture in
      let receipts = try await Self.fill(fixture)
      fixture.service.gate.endLease()
      let reply = try await fixture.search([1, 0, 0, 0], in: "tastes")
      #expect(reply.hits.isEmpty && reply.withheld == 3)
      await #expect(throws: VectorSearchError.consentUnreachable) {
        try await fixture.upsert([Self.vector(1, receipts[0])], to: "tastes")
      }
    }
  }

  @Test("a withdrawal takes the vector out for good: a new consent does not bring it back")
  func withdrawal() async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      try await Self.fill(fixture)
      try await fixture.withdraw(person(1), "product_recs")
      #expect(try await fixture.search([1, 0, 0, 0], in: "tastes").withheld == 0)
      try await fixture.grant(person(1), "product_recs")
      let hits = try await fixture.search([1, 0, 0, 0], in: "tastes").hits.map(\.id)
      #expect(hits == [person(2).bytes, person(3).bytes])
      let next = try await restart(fixture)
      let later = try await next.search([1, 0, 0, 0], in: "tastes").hits.map(\.id)
      #expect(later == [person(2).bytes, person(3).bytes])
    }
  }

  @Test("withdrawing another scope leaves the vector")
  func otherScope() async throws {
    try await withVectorSearch { fixture in
      try await Self.fill(fixture)
      try await fixture.withdraw(person(1), "analytics")
      #expect(try await fixture.search([1, 0, 0, 0], in: "tastes").hits.count == 3)
    }
  }

  @Test("an erasure takes everything, and no later write brings the person back")
  func erasure() async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      let receipts = try await Self.fill(fixture)
      try await fixture.erase(person(1))
      fixture.keys.destroy(person(1))
      #expect(try await fixture.search([1, 0, 0, 0], in: "tastes").hits.count == 2)
      let late = try await fixture.upsert([Self.vector(1, receipts[0])], to: "tastes")
      #expect(late.written == 0 && late.rejections.count == 1)
      let next = try await restart(fixture)
      #expect(try await next.search([1, 0, 0, 0], in: "tastes").hits.count == 2)
      let later = try await next.upsert([Self.vector(1, receipts[0])], to: "tastes")
      #expect(later.written == 0)
    }
  }

  @Test("people removed by hand are gone, and a malformed pid is refused")
  func deletion() async throws {
    try await withVectorSearch { fixture in
      try await Self.fill(fixture)
      #expect(try await fixture.delete([person(2).bytes], from: "tastes").removed == 1)
      #expect(try await fixture.search([1, 0, 0, 0], in: "tastes").hits.count == 2)
      #expect(try fixture.audited("vectors.delete").first?.pids == [person(2).bytes])
      let code = await refusal { try await fixture.delete([[1]], from: "tastes") }
      #expect(code == .invalidArgument)
    }
  }

  @Test("no number of a vector is found in the files of the store")
  func sealedAtRest() async throws {
    let marker = Float(bitPattern: 0x4131_5926)
    let bytes = Data(
      (0..<16).flatMap { _ in
        withUnsafeBytes(of: marker.bitPattern.littleEndian) { Array($0) }
      })
    try await withVectorSearchAndRestart { fixture, restart in
      try await fixture.create("tastes", dimension: 16, .innerProduct, scope: "product_recs")
      try await fixture.create("items", dimension: 16, .innerProduct)
      let receipt = try await fixture.grant(person(1), "product_recs")
      let values = [Float](repeating: marker, count: 16)
      try await fixture.upsert(
        [Vector(id: person(1).bytes, values: values, consentID: receipt)], to: "tastes")
      try await fixture.upsert([item("a", values)])
      let next = try await restart(fixture)
      #expect(try await next.search(values).hits.count == 1)
      var byteCount = 0
      for file in try next.files() {
        let content = try Data(contentsOf: file)
        byteCount += content.count
        #expect(content.range(of: bytes) == nil, "\(file.lastPathComponent)")
      }
      #expect(byteCount > 0)
    }
  }

  private static func vector(_ number: Int, _ consentID: String) -> Vector {
    Vector(id: person(number).bytes, values: [4, Float(number), 0, 0], consentID: consentID)
  }

  /// Three people, the first the nearest to the first axis; the second allows it for 30 days.
  @discardableResult
  private static func fill(_ fixture: VectorSearchFixture) async throws -> [String] {
    try await fixture.create("tastes", scope: "product_recs")
    let receipts = [
      try await fixture.grant(person(1), "product_recs", "analytics"),
      try await fixture.grant(person(2), "product_recs", days: 30),
      try await fixture.grant(person(3), "product_recs"),
    ]
    let vectors = receipts.enumerated().map { vector($0 + 1, $1) }
    #expect(try await fixture.upsert(vectors, to: "tastes").written == 3)
    return receipts
  }
}
