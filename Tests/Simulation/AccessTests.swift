import AccessGathering
import AccessPack
import AuditAPI
import AuditLog
import CommonAPI
import ConsentAPI
import ConsentService
import DynamicMessages
import FeatureStoreService
import FeaturesAPI
import Foundation
import IdentityVaultService
import PrivacyCore
import RPC
import SealedStore
import ServiceKit
import SimulatedStack
import Simulation
import TestSupport
import Testing
import TrainerAPI
import TrainerService
import TransparencyLog
import VaultAPI
import VectorSearchService
import VectorsAPI

/// What the five services tell of one person together: nothing is left out, nobody else is in it.
@Suite("Access requests to the five services")
struct AccessTests {
  @Test("everything planted about a person through every front door is in it, and nothing else")
  func canaries() async throws {
    try await withStack { stack in
      let ann = try plant(stack, "ann")
      _ = try plant(stack, "bob")
      try readBoth(stack)
      let pack = try gather(
        stack, VaultHoldingsRequest(identifier: ann.identifier, ticket: "DSR-1"))
      #expect(pack.isComplete)
      #expect(pack.pids.first == ann.pid)
      let text = String(decoding: pack.json, as: UTF8.self)
      let page = String(decoding: try pack.page(), as: UTF8.self)
      for canary in Canary.all("ann") {
        #expect(text.contains(canary), "\(canary) is not in access.json")
        #expect(page.contains(canary), "\(canary) is not in access.html")
      }
      for canary in Canary.all("bob") {
        #expect(!text.contains(canary), "\(canary) is in access.json")
      }
      // Of a read of both only that it was one.
      let log = try records(pack, "features.log")
      #expect(log.contains { $0["with_others"] == .bool(true) && $0["detail.feature"] == nil })
      #expect(log.allSatisfy { $0["who"] == .string("the service pipeline") })
      // The access itself is logged before it is answered.
      for service in AccessPack.services {
        let accesses = try records(pack, "\(service).log").filter {
          $0["action"] == .string("\(service).access")
        }
        #expect(accesses.map { $0["detail.ticket"] } == [.string("DSR-1")], "\(service)")
      }
    }
  }

  @Test("a pack verifies offline, and not after any of it was changed, left out or exchanged")
  func verification() async throws {
    try await withStack { stack in
      let ann = try plant(stack, "ann")
      let bob = try plant(stack, "bob")
      let policy = try policy(stack)
      let verifier = AccessVerifier(policy: policy)
      let question = VaultHoldingsRequest(identifier: ann.identifier, ticket: "DSR-1")
      let pack = try gather(stack, question)
      let verified = try verify(pack, verifier)
      #expect(verified.map(\.service) == AccessPack.services)
      #expect(verified.allSatisfy { $0.recordCount > 0 })
      // One record less, or one character other.
      for (index, part) in pack.parts.enumerated() {
        var lines = part.lines
        lines.removeLast()
        #expect(throws: AccessFault.self) {
          try verify(try pack.replacing(index, with: part.with(lines: lines)), verifier)
        }
        lines = part.lines
        lines[0] = lines[0].replacing("\"record\"", with: "\"recorf\"")
        #expect(throws: AccessFault.self) {
          try verify(try pack.replacing(index, with: part.with(lines: lines)), verifier)
        }
      }
      // A part that the same service gave about somebody else, or for another ticket.
      let other = try gather(stack, VaultHoldingsRequest(pid: bob.pid.bytes, ticket: "DSR-1"))
      let later = try gather(
        stack, VaultHoldingsRequest(identifier: ann.identifier, ticket: "DSR-2"))
      for index in pack.parts.indices {
        #expect(throws: AccessFault.self) {
          try verify(try pack.replacing(index, with: other.parts[index]), verifier)
        }
        #expect(throws: AccessFault.self) {
          try verify(try pack.replacing(index, with: later.parts[index]), verifier)
        }
      }
      // Another page, another manifest; a log that is not trusted.
      #expect(throws: AccessFault.otherFile("access.html")) {
        try verifier.verify(
          json: pack.json, page: try other.page(), manifest: try pack.manifest())
      }
      #expect(throws: AccessFault.otherFile("manifest.json")) {
        try verifier.verify(json: pack.json, page: try pack.page(), manifest: [])
      }
      let stranger = AccessVerifier(policy: try TrustPolicy(logs: Array(policy.logs.dropLast())))
      #expect(throws: AccessFault.self) { try verify(pack, stranger) }
    }
  }

  @Test("of an erased person the pack says what is still kept, and holds nothing else")
  func erased() async throws {
    try await withStack { stack in
      let ann = try plant(stack, "ann")
      _ = try stack.call { caller in
        try await ConsentClient(try caller.client(of: .consent)).erase(
          EraseRequest(pid: ann.pid.bytes, ground: "gdpr-17-1-b", source: "simulation:v1"))
      }
      stack.world.run(for: 2_000_000)
      let pack = try gather(
        stack, VaultHoldingsRequest(identifier: ann.identifier, ticket: "DSR-3"))
      let text = String(decoding: pack.json, as: UTF8.self)
      for canary in Canary.gone("ann") {
        #expect(!text.contains(canary), "\(canary) is still in access.json")
      }
      for section in [
        "vault.forgotten", "consent.receipts", "consent.erasures", "features.tombstone",
        "features.erasure", "trainer.erasure", "vectors.tombstone", "vectors.erasure",
      ] {
        #expect(try !records(pack, section).isEmpty, "\(section)")
      }
      for section in [
        "vault.identifiers", "vault.subject_key", "features.rows", "features.events",
        "features.person", "features.unreadable", "vectors.vectors", "vectors.unreadable",
      ] {
        #expect(try records(pack, section).isEmpty, "\(section)")
      }
    }
  }

  @Test("a service out of reach fails the request; a partial pack says what is missing")
  func outOfReach() async throws {
    try await withStack { stack in
      let ann = try plant(stack, "ann")
      stack.kill(.vectors)
      let question = VaultHoldingsRequest(identifier: ann.identifier, ticket: "DSR-1")
      #expect {
        try gather(stack, question, timeoutMs: 3_000)
      } throws: { error in
        guard case .noAnswer("vectors", _)? = error as? AccessFault else { return false }
        return true
      }
      let pack = try gather(stack, question, isPartial: true, timeoutMs: 3_000)
      #expect(!pack.isComplete)
      #expect(pack.missing.map(\.service) == ["vectors"])
      let page = String(decoding: try pack.page(), as: UTF8.self)
      #expect(page.contains("This pack is not complete") && page.contains("<li>vectors:"))
      // Without the vault nobody knows under which pids to look.
      stack.kill(.vault)
      #expect(throws: AccessFault.self) {
        try gather(stack, question, isPartial: true, timeoutMs: 3_000)
      }
    }
  }

  @Test("a person is told what is withheld from everybody else, without a lease and consent")
  func withheld() async throws {
    try await withStack { stack in
      let ann = try plant(stack, "ann")
      stack.block(.features, .consent)
      stack.block(.vectors, .consent)
      stack.world.run(for: 2_000_000)
      let pack = try gather(stack, VaultHoldingsRequest(pid: ann.pid.bytes, ticket: "DSR-1"))
      #expect(try records(pack, "features.rows").count == 2)
      #expect(try records(pack, "features.events").count == 1)
      #expect(try records(pack, "vectors.vectors").count == 1)
      // By a pid alone: no identifier.
      let text = String(decoding: pack.json, as: UTF8.self)
      for canary in [Canary.email("ann"), Canary.phone("ann"), Canary.number("ann")] {
        #expect(!text.contains(canary), "\(canary) is in access.json")
      }
    }
  }

  @Test("rows left under a merged pid are named, though nobody can read them any more")
  func merged() async throws {
    try await withStack { stack in
      let ann = try plant(stack, "ann")
      let bob = try plant(stack, "bob", isLinked: false)
      _ = try stack.call { caller in
        try await LinkingClient(try caller.client(of: .vault)).merge(
          MergeRequest(
            survivor: ann.pid.bytes, merged: bob.pid.bytes, provenance: "crm:merge",
            rowsSettled: true))
      }
      let pack = try gather(
        stack, VaultHoldingsRequest(identifier: bob.identifier, ticket: "DSR-1"))
      #expect(pack.pids.contains(ann.pid) && pack.pids.contains(bob.pid))
      // The stores have the merged person's key in memory until they start again.
      for service in [WellKnownService.features, .vectors] {
        stack.kill(service)
        stack.start(service)
      }
      stack.world.run(for: 3_000_000)
      let later = try gather(
        stack, VaultHoldingsRequest(identifier: bob.identifier, ticket: "DSR-2"))
      #expect(try records(later, "consent.receipts").count == 4)
      #expect(try records(later, "features.rows").count == 2)
      #expect(try records(later, "features.unreadable").count == 3)
      #expect(try records(later, "vectors.vectors").count == 1)
      #expect(try records(later, "vectors.unreadable").count == 1)
      let text = String(decoding: later.json, as: UTF8.self)
      #expect(text.contains("ann-segment") && !text.contains("bob-segment"))
    }
  }

  @Test("nobody known is an answer too: that nothing is held")
  func nobody() async throws {
    try await withStack { stack in
      let pack = try gather(
        stack,
        VaultHoldingsRequest(
          identifier: Identifier(kind: .email, value: "nobody@example.com"), ticket: "DSR-9"))
      for part in pack.parts {
        let names = try part.sections().map(\.name)
        let expected = ["\(part.service).remark", "\(part.service).log", "trainer.budgets"]
        #expect(names.filter { !expected.contains($0) } == [], "\(part.service)")
      }
    }
  }

  // MARK: - Nothing can be forgotten

  /// Every table there is, with what its service says of it.
  private static let tables: [(service: String, table: String, coverage: HoldingsCoverage?)] = {
    func list(
      _ service: String, _ tables: [any StoreTableDescribing],
      _ coverage: [String: HoldingsCoverage]
    ) -> [(String, String, HoldingsCoverage?)] {
      (tables + AuditLog.tables).map { table in
        (service, table.name, coverage[table.name] ?? HoldingsCoverage.audit[table.name])
      }
    }
    return list("consent", ConsentService.tables, ConsentTables.holdings)
      + list("vault", IdentityVaultService.tables, VaultTables.holdings)
      + list("features", FeatureStoreService.tables, FeatureTables.holdings)
      + list("trainer", TrainerService.tables, TrainerTables.holdings)
      + list("vectors", VectorSearchService.tables, VectorTables.holdings)
  }()

  @Test("every table of every service says where it stands in what a person is told")
  func tableCoverage() {
    for (service, table, coverage) in Self.tables {
      switch coverage {
      case nil: Issue.record("table \(table) of \(service) does not say whether it is about people")
      case .within(_, let because), .notAboutPeople(let because): #expect(!because.isEmpty)
      case .section: break
      }
    }
  }

  @Test("every section that a table names is one that a pack can have")
  func sectionsExist() async throws {
    // These need what no simulated caller can do; the tests of their services fill them.
    let elsewhere: Set<String> = [
      "vault.cases", "vault.shared", "consent.recipients", "consent.dead_letters",
      "consent.earlier_standings",
    ]
    try await withStack { stack in
      let ann = try plant(stack, "ann")
      let question = VaultHoldingsRequest(identifier: ann.identifier, ticket: "DSR-1")
      var seen = Set(try gather(stack, question).parts.flatMap { try $0.sections().map(\.name) })
      _ = try stack.call { caller in
        try await ConsentClient(try caller.client(of: .consent)).erase(
          EraseRequest(pid: ann.pid.bytes, ground: "gdpr-17-1-b", source: "simulation:v1"))
      }
      stack.world.run(for: 2_000_000)
      seen.formUnion(try gather(stack, question).parts.flatMap { try $0.sections().map(\.name) })
      for (service, table, coverage) in Self.tables {
        switch coverage {
        case .section(let name), .within(let name, _):
          let name = name.replacing("{service}", with: service)
          #expect(
            seen.contains(name) || elsewhere.contains(name), "table \(table): \(name) is in no pack"
          )
        case .notAboutPeople, nil: break
        }
      }
    }
  }

  // MARK: - Parts

  private struct Person {
    let pid: PseudonymousID
    let identifier: Identifier
  }

  /// Values that nothing else has, by where they are planted.
  private enum Canary {
    static func email(_ name: String) -> String { "\(name).canary@example.com" }
    static func phone(_ name: String) -> String {
      name == "ann" ? "+493011111101" : "+493022222202"
    }
    static func number(_ name: String) -> String { "4711-\(name == "ann" ? 1101 : 2202)" }
    static func vector(_ name: String) -> Float { name == "ann" ? 0.15625 : 0.28125 }

    /// What the vault and the stores hold until an erasure.
    static func gone(_ name: String) -> [String] {
      [
        email(name), phone(name), number(name), "\(name)-segment", "\(name)-tier",
        "\(name)-event", "\(name)-item", "\(vector(name))",
      ]
    }

    static func all(_ name: String) -> [String] {
      gone(name) + [
        "\(name)-source", "\(name) Controller Ltd", "\(name) Recipient Inc", "\(name)-category",
        "\(name)-withdraw-here", "\(name)-purpose", "\(name)-restriction", "crm:\(name)-link",
      ]
    }
  }

  private static let views = """
    views:
      - name: profile
        entity: customer
        features:
          - {name: segment, type: string, scope: analytics}
      - name: loyalty
        entity: customer
        features:
          - {name: tier, type: string, scope: analytics}
      - name: purchases
        entity: customer
        source: orders
        features:
          - {name: items, type: tallies, aggregate: tally, field: item, scope: analytics}
    """

  private func withStack(_ body: (SimulatedStack) throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let stack = SimulatedStack(seed: 1, keys: directory)
      defer { stack.world.end() }
      try #require(stack.failures.isEmpty, "\(stack.failures)")
      try prepare(stack)
      try body(stack)
    }
  }

  private func prepare(_ stack: SimulatedStack) throws {
    _ = try stack.call { caller in
      _ = try await FeaturesClient(try caller.client(of: .features)).applyViews(
        ApplyViewsRequest(yaml: Self.views))
      _ = try await VectorsClient(try caller.client(of: .vectors)).createCollection(
        CreateCollectionRequest(
          name: "people", dimension: 2, metric: .innerProduct, subject: .person,
          scope: "analytics"))
      _ = try await TrainerClient(try caller.client(of: .trainer)).createBudget(
        CreateBudgetRequest(dataset: "orders", purpose: "test", epsilonLimit: 4, delta: 1e-6))
    }
  }

  /// A person with something in every store.
  private func plant(
    _ stack: SimulatedStack, _ name: String, isLinked: Bool = true
  ) throws -> Person {
    let identifier = Identifier(kind: .email, value: Canary.email(name))
    let now = ProcessTime.epoch.microseconds
    let planted = try stack.call { caller -> PseudonymousID? in
      let vault = VaultClient(try caller.client(of: .vault))
      let reply = try await vault.pseudonymize(
        PseudonymizeRequest(identifiers: [identifier], create: true))
      guard let pid = reply.pseudonyms.first.flatMap({ PseudonymousID(bytes: $0.pid) }) else {
        return nil
      }
      for alias in [
        Identifier(kind: .phone, value: Canary.phone(name)),
        Identifier(kind: .customerNumber, value: Canary.number(name), qualifier: "shop"),
      ] where isLinked {
        _ = try await vault.link(
          LinkRequest(primary: identifier, alias: alias, provenance: "crm:\(name)-link"))
      }
      let consent = ConsentClient(try caller.client(of: .consent))
      let granted = try await consent.grant(
        GrantRequest(
          pid: pid.bytes, scopes: ["analytics"], expiresAtUs: now + 31_536_000_000_000,
          source: "\(name)-source", version: 1, idempotencyKey: "\(name)-key",
          details: ReceiptDetails(
            controller: "\(name) Controller Ltd", piiCategories: ["\(name)-category"],
            recipients: ["\(name) Recipient Inc"], withdrawalMethod: "\(name)-withdraw-here")))
      guard let consentID = granted.receipt?.consentID else { return nil }
      try await caller.process.time.sleep(milliseconds: 100)
      try await Self.write(name, pid, consentID, at: now, caller)
      _ = try await consent.restrictUse(
        RestrictUseRequest(
          pid: pid.bytes, scopes: ["marketing"], source: "\(name)-restriction"))
      return pid
    }
    return Person(pid: try #require(planted ?? nil), identifier: identifier)
  }

  private static func write(
    _ name: String, _ pid: PseudonymousID, _ consentID: String, at now: Int64,
    _ caller: SimulatedStack.Caller
  ) async throws {
    let features = FeaturesClient(try caller.client(of: .features))
    for (view, feature) in [("profile", "segment"), ("loyalty", "tier")] {
      let reply = try await features.writeRows(
        WriteRowsRequest(
          view: view,
          rows: [
            Row(
              pid: pid.bytes, consentID: consentID, eventTimeUs: now,
              fields: [
                FeaturesAPI.Field(
                  name: feature, value: Value(kind: .stringValue("\(name)-\(feature)")))
              ])
          ]))
      #expect(reply.written == 1, "\(reply.rejections)")
    }
    let events = try await features.writeEvents(
      WriteEventsRequest(
        source: "orders",
        events: [
          Event(
            pid: pid.bytes, consentID: consentID, eventID: "\(name)-event", eventTimeUs: now,
            fields: [
              FeaturesAPI.Field(name: "item", value: Value(kind: .stringValue("\(name)-item")))
            ])
        ]))
    #expect(events.written == 1, "\(events.rejections)")
    let vectors = try await VectorsClient(try caller.client(of: .vectors)).upsert(
      UpsertRequest(
        collection: "people",
        vectors: [
          Vector(id: pid.bytes, values: [Canary.vector(name), 1], consentID: consentID)
        ]))
    #expect(vectors.written == 1, "\(vectors.rejections)")
    _ = try await features.get(
      GetRequest(pids: [pid.bytes], features: ["profile:*"], purpose: "\(name)-purpose"))
    let training = try await TrainerClient(try caller.client(of: .trainer)).train(
      TrainRequest(
        name: "recommender", dataset: "orders", purpose: "test", historyFeature: "purchases:items",
        scope: "analytics", epsilon: 0.5,
        catalogue: [CatalogueItem(item: "\(name)-public", text: "RED LANTERN")]))
    for try await _ in training {}
  }

  /// A read of everybody at once.
  private func readBoth(_ stack: SimulatedStack) throws {
    _ = try stack.call { caller in
      let people = try await VaultClient(try caller.client(of: .vault)).pseudonymize(
        PseudonymizeRequest(
          identifiers: ["ann", "bob"].map { Identifier(kind: .email, value: Canary.email($0)) }))
      _ = try await FeaturesClient(try caller.client(of: .features)).get(
        GetRequest(
          pids: people.pseudonyms.map(\.pid), features: ["loyalty:tier"], purpose: "both"))
    }
  }

  private func gather(
    _ stack: SimulatedStack, _ question: VaultHoldingsRequest, isPartial: Bool = false,
    timeoutMs: Int = 30_000
  ) throws -> AccessPack {
    let pack = try stack.call { caller in
      try await AccessGathering(options: CallOptions(timeoutMs: timeoutMs)) { name in
        guard let service = WellKnownService(rawValue: name) else {
          throw AccessFault.malformed(name)
        }
        return try caller.client(of: service)
      }.pack(about: question, madeAt: caller.process.time.now, isPartial: isPartial)
    }
    return try #require(pack)
  }

  private func policy(_ stack: SimulatedStack) throws -> TrustPolicy {
    var keys: [NoteKey] = []
    for service in WellKnownService.allCases {
      let reply = try stack.call { caller in
        try await AuditClient(try caller.client(of: service)).checkpoint(CheckpointRequest())
      }
      keys.append(try NoteKey(text: try #require(reply).key))
    }
    return try TrustPolicy(logs: keys)
  }

  @discardableResult
  private func verify(
    _ pack: AccessPack, _ verifier: AccessVerifier
  ) throws -> [AccessVerifier.Verified] {
    try verifier.verify(json: pack.json, page: pack.page(), manifest: pack.manifest()).services
  }

  private func records(_ pack: AccessPack, _ section: String) throws -> [JSONValue] {
    for part in pack.parts where section.hasPrefix(part.service + ".") {
      for found in try part.sections() where found.name == section { return found.records }
    }
    return []
  }
}

extension AccessPack {
  fileprivate func replacing(_ index: Int, with part: AccessPart) throws -> AccessPack {
    var parts = parts
    parts[index] = part
    return try AccessPack(
      madeAt: madeAt, ticket: ticket, pids: pids, parts: parts, missing: missing)
  }
}

extension AccessPart {
  fileprivate func with(lines: [String]) -> AccessPart {
    AccessPart(
      service: service, lines: lines, note: note, proof: proof, salt: salt, content: content)
  }
}
