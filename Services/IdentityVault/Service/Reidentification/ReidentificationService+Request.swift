internal import AuditLog
internal import Cryptography
internal import PrivacyCore
package import RPC
internal import SealedStore
internal import StoredMessages
internal import Transport
package import VaultAPI

extension ReidentificationService {
  private static let tokenByteCount = 32

  package func request(
    _ request: RequestReidentificationRequest, context: CallContext
  ) async throws -> RequestReidentificationReply {
    let person = try person(context)
    let pids = try people(request.pids)
    try checked(
      request.purpose, 1...ReidentificationConfiguration.purposeByteCountMax, .purposeLength)
    try checked(
      request.ticket, 1...ReidentificationConfiguration.ticketByteCountMax, .ticketLength)
    let token = book.random.bytes(count: Self.tokenByteCount)
    let tokenHash = try Digest.sha256(token)
    let configuration = configuration
    let random = book.random
    let opened = try await book.step(by: person.id) {
      transaction, step -> CaseBook.Outcome<ReidentificationCase> in
      let id = CaseID.make(at: step.now, random: random)
      if step.path.frozen { return .refused(.frozen, case: "") }
      let pendingCount = try CaseBook.pendingCount(of: person.id, step, in: &transaction)
      guard pendingCount < configuration.openCasesPerRequesterMax else {
        return .refused(
          .tooManyOpenCases(limit: configuration.openCasesPerRequesterMax), case: "")
      }
      let record = CaseRecord(
        requester: person.id, purpose: request.purpose, ticket: request.ticket,
        pids: request.pids, requestedAtUs: step.now.microseconds,
        expiresAtUs: step.now.advanced(
          byMicroseconds: configuration.requestSeconds * 1_000_000
        ).microseconds,
        freezeCount: step.path.freezeCount, tokenHash: tokenHash)
      try transaction.put(CaseTables.cases, id, StoredMessage(record))
      try transaction.put(CaseTables.pending, KeyPair(person.id, id), EmptyValue())
      let entry = AuditEntry(
        principal: person.id, action: "reidentification.request", pids: pids,
        details: [("case", id), ("ticket", request.ticket), ("purpose", request.purpose)])
      return .done(try record.description(id: id, at: step.now, on: step.path), entry)
    }
    return RequestReidentificationReply(opened: opened, token: token)
  }

  private func people(
    _ bytes: [[UInt8]]
  ) throws(ReidentificationRefusal) -> [PseudonymousID] {
    guard !bytes.isEmpty else { throw .noPeople }
    guard bytes.count <= configuration.peoplePerRequestMax else {
      throw .tooManyPeople(limit: configuration.peoplePerRequestMax)
    }
    var pids: [PseudonymousID] = []
    for bytes in bytes {
      guard let pid = PseudonymousID(bytes: bytes) else { throw .malformedPID }
      pids.append(pid)
    }
    guard Set(pids).count == pids.count else { throw .repeatedPerson }
    return pids
  }

  package func withdraw(
    _ request: WithdrawReidentificationRequest, context: CallContext
  ) async throws -> ReidentificationCase {
    let person = try person(context)
    try checked(
      request.reason, 0...ReidentificationConfiguration.reasonByteCountMax, .reasonLength)
    return try await book.step(by: person.id) {
      transaction, step -> CaseBook.Outcome<ReidentificationCase> in
      let id = request.id
      if step.path.frozen { return .refused(.frozen, case: id) }
      guard var record = try CaseBook.record(id, in: transaction) else {
        return .refused(.unknownCase, case: id)
      }
      guard person.isSame(asID: record.requester) else {
        return .refused(.notTheRequester, case: id)
      }
      switch try record.state(at: step.now, on: step.path) {
      case .open, .approved: break
      case let state: return .refused(.notOpen(state), case: id)
      }
      try CaseBook.close(
        &record, id: id, as: .withdrawn, by: person.id, reason: request.reason, at: step.now,
        in: &transaction)
      let entry = AuditEntry(
        principal: person.id, action: "reidentification.withdraw",
        details: [("case", id), ("reason", request.reason)])
      return .done(try record.description(id: id, at: step.now, on: step.path), entry)
    }
  }
}

extension CaseBook {
  /// How many cases of a requester are open or approved. Rows of those that expired or became void
  /// go with it, so that the table stays as small as the limit.
  static func pendingCount(
    of requester: String, _ step: Step, in transaction: inout WriteTransaction
  ) throws -> Int {
    var count = 0
    for key in try transaction.keys(CaseTables.pending, .prefix(requester)) {
      switch try record(key.second, in: transaction)?.state(at: step.now, on: step.path) {
      case .open, .approved: count += 1
      default: try transaction.delete(CaseTables.pending, key)
      }
    }
    return count
  }
}
