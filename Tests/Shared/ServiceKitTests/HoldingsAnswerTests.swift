internal import AccessPack
internal import AuditAPI
internal import AuditLog
internal import CommonAPI
internal import Cryptography
internal import DynamicMessages
internal import Foundation
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import ServiceKit
internal import TestSupport
internal import Testing
internal import TransparencyLog
internal import Transport
internal import WireFormat

@Suite("What a service answers about a person")
struct HoldingsAnswerTests {
  private func pid(_ number: UInt8) -> PseudonymousID {
    guard let pid = PseudonymousID(bytes: [UInt8](repeating: number, count: 32)) else {
      preconditionFailure("32 bytes are a pid")
    }
    return pid
  }

  private func withLog(
    isSigning: Bool = true, _ body: (AuditLog) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let key = try SealingKey(
        id: KeyID(rawValue: 1), secret: SecretBytes(random: SystemRandom(), count: 32))
      let store = try SealedStore.open(
        at: directory, keys: SealingKeyRing(current: key), tables: AuditLog.tables,
        configuration: StoreConfiguration(serviceName: "test"))
      defer { store.close() }
      let signer = try NoteSigner(
        name: "tacit/vectors/00", kind: .note,
        key: SigningKey(seed: SecretBytes(copying: [UInt8](repeating: 1, count: 32))))
      try await body(AuditLog(store: store, time: SystemTime(), signer: isSigning ? signer : nil))
    }
  }

  private func context(_ peer: PeerIdentity) -> CallContext {
    CallContext(
      peer: peer,
      method: MethodDescriptor(
        id: 1, name: "tacit.test.v1.Test/Holdings", kind: .serverStreaming, scope: "test",
        isInline: false, isIdempotent: false))
  }

  private func chunks(
    _ audit: AuditLog, _ request: HoldingsRequest, byteCountMax: Int = HeldText.byteCountMax,
    gather: (inout HeldRecords) async throws -> Void = { _ in }
  ) async throws -> [HoldingsChunk] {
    var chunks: [HoldingsChunk] = []
    try await HoldingsAnswer(
      of: .vectors, audit: audit, time: SystemTime(), byteCountMax: byteCountMax
    ).answer(
      request, context: context(try .user(role: "privacy", name: "ben")),
      send: { chunks.append($0) }, gather: gather)
    return chunks
  }

  @Test(
    "is about 1 to 1,024 pids of 32 bytes",
    arguments: [
      (0, 32, false), (1, 32, true), (1_024, 32, true), (1_025, 32, false), (1, 31, false),
    ])
  func people(count: Int, byteCount: Int, isAccepted: Bool) {
    let request = HoldingsRequest(
      pids: Array(repeating: [UInt8](repeating: 1, count: byteCount), count: count))
    #expect(((try? HoldingsAnswer.people(request)) != nil) == isAccepted)
  }

  @Test(
    "names a ticket of 1 to 128 bytes that identifies nobody",
    arguments: [
      ("", false), ("D", true), (String(repeating: "d", count: 128), true),
      (String(repeating: "d", count: 129), false), ("ann@example.com", false),
    ])
  func ticket(text: String, isAccepted: Bool) async throws {
    #expect(((try? HoldingsAnswer.check(ticket: text)) != nil) == isAccepted)
    try await withLog { audit async throws in
      let answer = try? await chunks(audit, HoldingsRequest(pids: [pid(1).bytes], ticket: text))
      #expect((answer != nil) == isAccepted)
      #expect(try audit.count() == (isAccepted ? 1 : 0))
    }
  }

  @Test("the access is in the log before anything is read; what cannot be logged is not answered")
  func logsFirst() async throws {
    let request = HoldingsRequest(pids: [pid(1).bytes], ticket: "DSR-1")
    try await withLog { audit async throws in
      _ = try await chunks(audit, request) { _ in
        let record = try #require(try audit.records(limit: 10).last)
        #expect(record.action == "vectors.access" && record.pids == [pid(1).bytes])
        #expect(record.principal == "spiffe://tacit/user/privacy/ben")
        #expect(record.details.map(\.value) == ["DSR-1"])
        #expect(try audit.newestCheckpoint()?.treeSize == 1)
      }
    }
    // Without a key there is no signed checkpoint.
    try await withLog(isSigning: false) { audit async throws in
      var isRead = false
      await #expect(throws: AuditLogError.noSigningKey) {
        _ = try await chunks(audit, request) { _ in isRead = true }
      }
      #expect(!isRead)
    }
  }

  @Test("comes in pieces of up to 256 KiB, which are the signed text")
  func pieces() async throws {
    try await withLog { audit async throws in
      let request = HoldingsRequest(pids: [pid(1).bytes], ticket: "DSR-1")
      let chunks = try await chunks(audit, request) { held in
        for number in 0..<6 {
          try held.add(
            "things", [("text", .string(String(repeating: "\(number)", count: 100_000)))])
        }
      }
      #expect(chunks.count == 3)
      #expect(chunks.allSatisfy { $0.text.count <= 256 << 10 })
      #expect(chunks.dropLast().allSatisfy { $0.statement == nil })
      let statement = try #require(chunks.last?.statement)
      let note = try #require(HoldingsNote(text: SignedNote(encoded: statement.note).text))
      let text = chunks.flatMap(\.text)
      #expect(try note.linesHash == Digest.sha256(text))
      #expect(note.lineCount == 7 && note.entry == 0)
    }
  }

  @Test("has a limit in bytes")
  func limit() async throws {
    try await withLog { audit async throws in
      let request = HoldingsRequest(pids: [pid(1).bytes], ticket: "DSR-1")
      // The log's own line grows with the number of accesses: measured once, then the same again.
      func answer(_ byteCountMax: Int) async throws -> Int {
        try await chunks(audit, request, byteCountMax: byteCountMax) { held in
          try held.add("things", [("text", .string(String(repeating: "x", count: 1_000)))])
        }.flatMap(\.text).count
      }
      #expect(try await answer(100_000) < 2_000)
      do {
        _ = try await answer(1_000)
        Issue.record("1,000 bytes are not enough")
      } catch let fault as AccessFault {
        #expect(fault.rpcError.code == .resourceExhausted)
      }
    }
  }

  @Test("tells entries and reads that name the person, without names and without other people")
  func mentions() async throws {
    try await withLog { audit async throws in
      let ben = "spiffe://tacit/user/privacy/ben"
      try await audit.append(
        AuditEntry(
          principal: ben, action: "test.own", purpose: "p", pids: [pid(1)], consentIDs: ["c_own"],
          details: [("detail", "own-detail")]))
      try await audit.append(
        AuditEntry(
          principal: ben, action: "test.both", pids: [pid(1), pid(2)], consentIDs: ["c_other"],
          details: [("detail", "other-detail")]))
      try await audit.append(AuditEntry(principal: ben, action: "test.other", pids: [pid(2)]))
      try audit.recordRead(
        AuditEntry(
          principal: "spiffe://tacit/service/trainer", action: "test.read", pids: [pid(1)]))
      try audit.recordRead(AuditEntry(principal: ben, action: "test.elsewhere", pids: [pid(2)]))
      let text = String(
        decoding: try await chunks(
          audit, HoldingsRequest(pids: [pid(1).bytes], ticket: "DSR-1")
        ).flatMap(\.text), as: UTF8.self)
      for expected in [
        "test.own", "c_own", "own-detail", "test.both", "\"with_others\":true", "test.read",
        "the service trainer", "somebody with the role privacy",
      ] { #expect(text.contains(expected), "\(expected)") }
      for foreign in [
        "c_other", "other-detail", "test.other", "test.elsewhere", "ben", pid(2).description,
      ] { #expect(!text.contains(foreign), "\(foreign)") }
    }
  }

  @Test("finds a person on every page of a long log")
  func longLog() async throws {
    try await withLog { audit async throws in
      for batch in 0..<5 {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<500 {
            let isOurs = number == 499
            group.addTask {
              try await audit.append(
                AuditEntry(
                  principal: "tacit:local", action: isOurs ? "test.ours\(batch)" : "test.other",
                  pids: [isOurs ? pid(1) : pid(2)]))
            }
          }
          try await group.waitForAll()
        }
      }
      var actions: Set<String> = []
      try await audit.mentions(of: [pid(1)]) { actions.insert($0.record.action) }
      #expect(actions == Set((0..<5).map { "test.ours\($0)" }))
    }
  }
}
