internal import AuditLog
internal import ConsentVerifier
internal import PrivacyCore
package import RPC
internal import ServiceKit
internal import TransparencyLog
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  package func forget(_ request: ForgetRequest, context: CallContext) async throws -> ForgetReply {
    try await forget([request], by: context)[0]
  }

  package func forgetMany(
    _ request: ForgetManyRequest, context: CallContext
  ) async throws -> ForgetManyReply {
    ForgetManyReply(people: try await forget(request.people, by: context))
  }

  private func forget(
    _ requests: [ForgetRequest], by context: CallContext
  ) async throws -> [ForgetReply] {
    let people = try requests.map { (pid: try pid($0.pid), erasureSequence: $0.erasureSequence) }
    let tombstones = try await registry.forget(people, by: context.peer.spiffeID)
    var replies: [ForgetReply] = []
    for (person, tombstone) in zip(people, tombstones) {
      replies.append(
        ForgetReply(
          identifiersRemoved: tombstone.identifiersRemoved, keyDestroyed: tombstone.keyDestroyed,
          keyEpoch: tombstone.keyEpoch,
          statement: try statement(
            of: person.pid, tombstone, sequence: person.erasureSequence)))
      // To sign takes a while.
      await Task.yield()
    }
    return replies
  }

  /// The most pids of one page.
  private static let forgottenCountMax = 4_096

  package func forgotten(
    _ request: ForgottenRequest, context: CallContext
  ) async throws -> ForgottenReply {
    let after = request.afterPid.isEmpty ? nil : try pid(request.afterPid)
    let pids = try registry.forgotten(after: after, limit: Self.forgottenCountMax)
    return ForgottenReply(pids: pids.map(\.bytes))
  }

  /// The vault's word for the erasure's certificate; empty where its log signs nothing.
  private func statement(
    of person: PseudonymousID, _ tombstone: ForgottenRecord, sequence: UInt64
  ) throws -> [UInt8] {
    guard let origin = try? registry.audit.verifyingKey().name else { return [] }
    var statement = ErasureStatement(
      origin: origin, service: WellKnownService.vault.rawValue, pid: person,
      sequence: sequence, atUs: registry.time.now.microseconds,
      removed: UInt64(tombstone.identifiersRemoved), left: UInt64(try registry.rowCount(of: person))
    )
    statement.key = tombstone.keyDestroyed ? .destroyed(epoch: tombstone.keyEpoch) : .absent
    return try registry.audit.signStatement(statement.text).encoded
  }
}
