internal import CommonAPI
internal import PrivacyCore
internal import RPC
internal import Testing
internal import VectorSearchService
internal import VectorsAPI

@Suite("Collections of items")
struct CollectionTests {
  @Test("a collection is made once; the same again is the same, another of that name is refused")
  func create() async throws {
    try await withVectorSearch { fixture in
      let made = try await fixture.create()
      #expect(made.name == "items" && made.dimension == 4 && made.vectorCount == 0)
      #expect(try await fixture.create() == made)
      #expect(await refusal { try await fixture.create(dimension: 5) } == .alreadyExists)
      #expect(try fixture.audited("vectors.create_collection").count == 1)
      let listed = try await fixture.service.listCollections(
        ListCollectionsRequest(), context: fixture.context(VectorsMethods.listCollections))
      #expect(listed.collections == [made])
    }
  }

  @Test("dimensions from 1 to 4,096", arguments: [0, 1, 4_096, 4_097])
  func dimensions(dimension: UInt32) async throws {
    try await withVectorSearch { fixture in
      let code = await refusal { try await fixture.create(dimension: dimension) }
      #expect(code == ((1...4_096).contains(dimension) ? nil : .invalidArgument))
    }
  }

  @Test("what says too little or too much is refused")
  func malformed() async throws {
    try await withVectorSearch { fixture in
      let requests = [
        CreateCollectionRequest(name: "", dimension: 4, metric: .cosine, subject: .item),
        CreateCollectionRequest(name: "Items", dimension: 4, metric: .cosine, subject: .item),
        CreateCollectionRequest(name: "a", dimension: 4, subject: .item),
        CreateCollectionRequest(name: "a", dimension: 4, metric: .cosine),
        CreateCollectionRequest(
          name: "a", dimension: 4, metric: .cosine, subject: .item, scope: "product_recs"),
        CreateCollectionRequest(name: "a", dimension: 4, metric: .cosine, subject: .person),
        CreateCollectionRequest(
          name: "a", dimension: 4, metric: .cosine, subject: .person, scope: "Not a scope"),
      ]
      for request in requests {
        let code = await refusal {
          _ = try await fixture.service.createCollection(
            request, context: fixture.context(VectorsMethods.createCollection))
        }
        #expect(code == .invalidArgument)
      }
    }
  }

  @Test("one collection more than configured is refused")
  func collectionCount() async throws {
    var configuration = VectorSearchConfiguration()
    configuration.collectionCountMax = 2
    try await withVectorSearch(configuration: configuration) { fixture in
      try await fixture.create("a")
      try await fixture.create("b")
      #expect(await refusal { try await fixture.create("c") } == .resourceExhausted)
      #expect(await refusal { try await fixture.create("a") } == nil)
    }
  }

  @Test("vectors are written, found, replaced, removed, and there again after a restart")
  func lifeOfVectors() async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      try await fixture.create()
      let reply = try await fixture.upsert([
        item("north", [1, 0, 0, 0]), item("east", [0, 2, 0, 0]), item("both", [1, 1, 0, 0]),
      ])
      #expect(reply.written == 3 && reply.rejections.isEmpty)
      #expect(try await fixture.search([5, 0, 0, 0], k: 2).codes == ["north", "both"])
      try await fixture.upsert([item("east", [3, 0.1, 0, 0])])
      #expect(try await fixture.search([5, 0, 0, 0], k: 2).codes == ["north", "east"])
      #expect(try await fixture.delete([Array("north".utf8), Array("never".utf8)]).removed == 1)
      #expect(try await fixture.search([5, 0, 0, 0], k: 20).codes == ["east", "both"])
      let next = try await restart(fixture)
      #expect(try await next.search([5, 0, 0, 0], k: 20).codes == ["east", "both"])
    }
  }

  @Test("each bad vector is refused with its reason; the others of the call stand")
  func badVectors() async throws {
    try await withVectorSearch { fixture in
      try await fixture.create()
      let reply = try await fixture.upsert([
        item("nan", [.nan, 0, 0, 0]), item("infinite", [0, .infinity, 0, 0]),
        item("short", [1, 2, 3]), item("zero", [0, 0, 0, 0]), item("", [1, 0, 0, 0]),
        item("someone@example.com", [1, 0, 0, 0]), Vector(id: [0xFF], values: [1, 0, 0, 0]),
        item(String(repeating: "x", count: 65), [1, 0, 0, 0]),
        item(String(repeating: "x", count: 64), [1, 0, 0, 0]),
      ])
      #expect(reply.written == 1)
      #expect(
        reply.rejections.map(\.reason) == [
          "number 1 of the vector is not finite", "number 2 of the vector is not finite",
          "the vector has 3 numbers, the collection's have 4",
          "the vector's length is zero or too large, so it has no direction",
          "an id has 1 to 64 bytes", "the item's code looks like an e-mail address",
          "the item's code is not UTF-8", "an id has 1 to 64 bytes",
        ])
      #expect(reply.rejections.map(\.index) == [0, 1, 2, 3, 4, 5, 6, 7])
    }
  }

  @Test("a collection takes as many vectors as configured and not one more")
  func vectorCount() async throws {
    var configuration = VectorSearchConfiguration()
    configuration.vectorCountMax = 2
    try await withVectorSearch(configuration: configuration) { fixture in
      try await fixture.create()
      try await fixture.upsert([item("a", [1, 0, 0, 0]), item("b", [0, 1, 0, 0])])
      let code = await refusal { try await fixture.upsert([item("c", [0, 0, 1, 0])]) }
      #expect(code == .resourceExhausted)
    }
  }

  @Test("searches have 1 to 20 results, a query of the collection, and a collection")
  func searchLimits() async throws {
    try await withVectorSearch { fixture in
      try await fixture.create()
      try await fixture.upsert((0..<30).map { item("i\($0)", [1, Float($0), 0, 0]) })
      #expect(try await fixture.search([1, 0, 0, 0], k: 20).hits.count == 20)
      #expect(try await fixture.search([1, 0, 0, 0], k: 1).hits.count == 1)
      for k in [0, 21, .max] as [UInt32] {
        #expect(
          await refusal { _ = try await fixture.search([1, 0, 0, 0], k: k) } == .invalidArgument)
      }
      for bad in [[], [1, 0, 0], [.nan, 0, 0, 0], [0, 0, 0, 0]] as [[Float]] {
        #expect(await refusal { _ = try await fixture.search(bad) } == .invalidArgument)
      }
      let code = await refusal { _ = try await fixture.search([1, 0, 0, 0], in: "nothing") }
      #expect(code == .notFound)
    }
  }

  @Test("each search leaves an audit entry that names no vector")
  func audit() async throws {
    try await withVectorSearch { fixture in
      try await fixture.create()
      try await fixture.upsert([item("a", [1, 0, 0, 0])])
      let reply = try await fixture.search([1, 0, 0, 0], noiseSigma: 2)
      let entry = try #require(try fixture.audited("vectors.search").first)
      #expect(entry.number == reply.auditSequence && entry.purpose == "test")
      #expect(entry.details["collection"] == "items" && entry.details["found"] == "1")
      #expect(entry.details["noise_sigma"] == "2.0")
      #expect(entry.details["query_sha256"]?.count == 64)
      #expect(try #require(reply.noise).epsilon > 4.37)
    }
  }

  @Test("noise changes what is found, and is refused where its meaning is not defined")
  func noise() async throws {
    try await withVectorSearch { fixture in
      try await fixture.create("near", .euclidean)
      #expect(
        await refusal { _ = try await fixture.search([1, 0, 0, 0], in: "near", noiseSigma: 1) }
          == .invalidArgument)
      try await fixture.create()
      try await fixture.upsert([item("a", [1, 0, 0, 0])])
      let exact = try await fixture.search([1, 0, 0, 0]).hits.first?.score
      let noisy = try await fixture.search([1, 0, 0, 0], noiseSigma: 0.5).hits.first?.score
      #expect(exact == 1 && noisy != 1)
      #expect(
        await refusal { _ = try await fixture.search([1, 0, 0, 0], noiseSigma: -1) }
          == .invalidArgument)
    }
  }
}
