import AuditAPI
import AuditLog
import ConsentVerifier
import Cryptography
import Foundation
import Gate
import PrivacyCore
import SealedStore
import TestSupport
import Testing
import TransparencyLog

@Suite("What a store says of an erasure")
struct ErasureBookTests {
  private let erased = Example.pid(1)

  private func withBook<Result>(
    _ body: (ErasureBook, SealedStore, AuditLog) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryDirectory { directory async throws in
      let secret = SecretBytes(copying: [UInt8](repeating: 7, count: 32))
      let store = try SealedStore.open(
        at: directory,
        keys: SealingKeyRing(current: try SealingKey(id: KeyID(rawValue: 1), secret: secret)),
        tables: ErasureTables.all + AuditLog.tables,
        configuration: StoreConfiguration(serviceName: "features"))
      defer { store.close() }
      let signer = try NoteSigner(
        name: "tacit/features/test", kind: .note, key: SigningKey(seed: secret))
      let audit = AuditLog(store: store, time: SystemTime(), signer: signer)
      let book = ErasureBook(
        service: "features", store: store, audit: audit, time: SystemTime())
      return try await body(book, store, audit)
    }
  }

  @Test("what was removed is said as often as it is asked, with a fresh look, and signed")
  func statement() async throws {
    try await withBook { book, store, audit in
      #expect(throws: ErasureFault.unknownErasure(sequence: 41)) {
        try book.statement(of: erased, at: LogSequenceNumber(41)) { _ in 0 }
      }
      for _ in 0..<2 {
        // A gate replays at its start what was done; the second time finds nothing.
        let removed = try book.knows(erased, at: LogSequenceNumber(41)) ? 0 : 7
        try await store.write { transaction in
          try book.note(erased, at: LogSequenceNumber(41), removed: removed, in: &transaction)
        }
        let bytes = try book.statement(of: erased, at: LogSequenceNumber(41)) { _ in 3 }
        let note = try SignedNote(encoded: bytes)
        try TrustPolicy(logs: [audit.verifyingKey()])
          .verifyStatement(note, of: "tacit/features/test")
        let statement = try #require(ErasureStatement(text: note.text))
        #expect(statement.service == "features")
        #expect(statement.pid == erased)
        #expect(statement.sequence == 41)
        #expect(statement.removed == 7)
        #expect(statement.left == 3)
        #expect(statement.modelCount == nil)
      }
      let records = try audit.records(limit: 10)
      #expect(records.map(\.action) == ["features.erase"])
      #expect(records.map(\.pids) == [[erased.bytes]])
    }
  }

  @Test("another erasure, or another person, is not spoken of")
  func others() async throws {
    try await withBook { book, store, _ in
      try await store.write { transaction in
        try book.note(erased, at: LogSequenceNumber(41), removed: 1, in: &transaction)
      }
      #expect(throws: ErasureFault.unknownErasure(sequence: 40)) {
        try book.statement(of: erased, at: LogSequenceNumber(40)) { _ in 0 }
      }
      #expect(throws: ErasureFault.unknownErasure(sequence: 41)) {
        try book.statement(of: Example.pid(2), at: LogSequenceNumber(41)) { _ in 0 }
      }
      #expect(try !book.knows(Example.pid(2), at: LogSequenceNumber(41)))
    }
  }

  @Test("of many models the newest are listed, and all are counted")
  func models() async throws {
    try await withBook { book, store, _ in
      try await store.write { transaction in
        try book.note(erased, at: LogSequenceNumber(1), removed: 0, in: &transaction)
      }
      for count in [0, ErasureStatement.modelCountMax, ErasureStatement.modelCountMax + 1] {
        let models = (0..<count).map {
          ModelMention(
            id: "m_01JB000000000000000000\(1_000 + $0)", scope: "product_recs",
            madeAtUs: 1_768_048_496_000_000, epsilon: 1.5, delta: 1e-6)
        }
        let bytes = try book.statement(of: erased, at: LogSequenceNumber(1), models: models) { _ in
          0
        }
        let statement = try #require(ErasureStatement(text: SignedNote(encoded: bytes).text))
        #expect(statement.modelCount == UInt64(count))
        #expect(statement.models.count == min(count, ErasureStatement.modelCountMax))
      }
    }
  }
}
