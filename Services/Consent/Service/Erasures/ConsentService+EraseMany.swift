package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport
internal import VaultAPI

extension ConsentService {
  /// Each batch of people is recorded in one transaction, waits behind one barrier, and is carried out
  /// by the vault, before the next one begins, in step with the pace. A crash in between leaves the
  /// first batches erased; repeating the call does the rest.
  ///
  /// Batches are small: the work of one is all that anybody else waits behind.
  package func eraseMany(
    _ request: EraseManyRequest, context: CallContext
  ) async throws -> EraseManyReply {
    let startedAt = time.monotonicMicroseconds
    let drafts = try drafts(of: request)
    var people: [ErasedPerson] = []
    var barriers: [Barrier] = []
    let pace = pace(of: request)
    for start in stride(from: 0, to: drafts.count, by: configuration.erasureBatchCount) {
      let batch = drafts[start..<min(drafts.count, start + configuration.erasureBatchCount)]
      let recorded = try await ledger.erase(
        Array(batch), ground: request.ground, by: context.peer.spiffeID)
      let barrier = try await passMany(recorded)
      barriers.append(barrier)
      // Everybody is asked under the pid that the erasure is recorded under.
      let erasures = try recorded.map {
        PendingErasure(sequence: $0.receipt.sequence, pid: try pid($0.receipt.pid))
      }
      let tasks = try await finish(erasures, inForceAt: time.now)
      note(tasks)
      for (recorded, (_, task)) in zip(recorded, tasks) {
        people.append(
          ErasedPerson(
            consentID: recorded.receipt.consentID, sequence: recorded.receipt.sequence,
            created: recorded.isNew, subjectKeyDestroyed: task.keyDestroyed))
      }
      let due = startedAt + Int64(people.count) * 1_000_000 / Int64(pace)
      if people.count < drafts.count {
        try await time.sleep(microseconds: due - time.monotonicMicroseconds)
      }
    }
    try await noteCertificates(&people)
    return EraseManyReply(
      people: people, barriers: barriers, token: try token(people.map(\.sequence).max() ?? 0),
      durationUs: time.monotonicMicroseconds - startedAt)
  }

  private func drafts(of request: EraseManyRequest) throws -> [ReceiptDraft] {
    guard NameRule.accepts(request.ground) else { throw ReceiptRefusal.malformedGround }
    return try people(request.pids).map { pid in
      ReceiptDraft(pid: pid, kind: .erasure, scopes: [], source: request.source, version: 0)
    }
  }

  /// How many people a second.
  private func pace(of request: EraseManyRequest) -> Int {
    let most = configuration.erasuresPerSecondMax
    return request.peoplePerS == 0 ? most : min(most, Int(request.peoplePerS))
  }

  /// Waits for the certificates, and notes which there are when the time is up.
  private func noteCertificates(_ people: inout [ErasedPerson]) async throws {
    let end = time.monotonicMicroseconds + Int64(configuration.certificateWaitMs) * 1_000
    while true {
      let generation = desk.settled.generation
      for index in people.indices where !people[index].certified {
        let task = try ledger.erasureTask(people[index].sequence)
        people[index].certified = task?.certificate.isEmpty == false
      }
      let left = end - time.monotonicMicroseconds
      if left <= 0 || people.allSatisfy(\.certified) { return }
      try await desk.settled.wait(after: generation, timeoutMicroseconds: left)
    }
  }
}
