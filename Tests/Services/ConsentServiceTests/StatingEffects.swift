import ConsentVerifier
import Gate
import PrivacyCore
import Synchronization

/// The effects of a store that signs what it says.
final class StatingEffects: GateEffects {
  private let service: String
  private let models: [ModelMention]?
  private let left = Mutex<UInt64>(0)

  init(_ service: String, models: [ModelMention]? = nil) {
    self.service = service
    self.models = models
  }

  func leave(_ count: UInt64) { left.withLock { $0 = count } }

  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {}

  func statement(
    of pid: PseudonymousID, erasedAt sequence: LogSequenceNumber
  ) async throws -> [UInt8] {
    var statement = ErasureStatement(
      origin: "tacit/\(service)/test", service: service, pid: pid, sequence: sequence.value,
      atUs: 2, removed: 10, left: left.withLock { $0 })
    statement.modelCount = models.map { UInt64($0.count) }
    statement.models = models ?? []
    return try ConsentFixture.signed(statement)
  }
}
