internal import AuditLog
package import FeaturesAPI
internal import Gate
internal import PrivacyCore
package import RPC
internal import SealedStore
internal import Synchronization
internal import Transport

extension FeatureStoreService {
  package func trainingSet(
    _ request: TrainingSetRequest, replies: ReplyWriter<TrainingBatch>, context: CallContext
  ) async throws {
    try await trainingSet(request, context: context) { try await replies.send($0) }
  }

  /// The training set, batch by batch: everybody in the store who allows the scope now, as of one
  /// snapshot. Consent is looked at person by person as the batches are made, so that a withdrawal
  /// half-way takes effect for whoever has not been sent yet.
  ///
  /// - Throws: `consentUnreachable` where the gate holds no lease, or loses it half-way. A set that
  ///   leaves everybody out looks like one in which nobody consented, and a caller would pay with
  ///   its privacy budget for nothing.
  package func trainingSet(
    _ request: TrainingSetRequest, context: CallContext,
    send: (TrainingBatch) async throws -> Void
  ) async throws {
    guard let scope = Scope(request.scope) else {
      throw FeatureStoreError.badRequest("name the scope that people must have allowed")
    }
    let plan = try plan(request.features, asOfUs: request.asOfUs)
    _ = try heldLease()
    try occupyTrainingSet()
    defer { trainingSetCount.withLock { $0 -= 1 } }
    try await audit.append(
      AuditEntry(
        principal: context.peer.spiffeID, action: "features.training_set",
        purpose: request.purpose,
        details: request.features.map { ("feature", $0) } + [("scope", scope.description)]))
    let snapshot = HeldSnapshot(of: store)
    defer { snapshot.close() }
    try await stream(plan, scope: scope, from: snapshot, send: send)
  }

  private func occupyTrainingSet() throws(FeatureStoreError) {
    let limit = configuration.trainingSetCountMax
    let isFree = trainingSetCount.withLock { count in
      guard count < limit else { return false }
      count += 1
      return true
    }
    guard isFree else { throw .tooMuch("\(limit) training sets are being read already") }
  }

  private func stream(
    _ plan: ReadPlan, scope: Scope, from snapshot: HeldSnapshot,
    send: (TrainingBatch) async throws -> Void
  ) async throws {
    let end = time.monotonicMicroseconds + configuration.trainingSecondsMax * 1_000_000
    var batch = TrainingBatch()
    batch.peopleTotal = UInt64(try await snapshot.read { try $0.count(FeatureTables.people) })
    var byteCount = 0
    var range = KeyRange<PseudonymousID>.all
    while true {
      let lease = try heldLease()
      let page = try await page(range, of: plan, scope: scope, from: snapshot)
      for person in page.people {
        batch.peopleSeen += 1
        guard let record = person.record, let consentID = receipt(of: person.pid, for: scope) else {
          batch.peopleWithheld += 1
          continue
        }
        let row = plan.row(of: record, through: gate)
        batch.rows.append(row.message)
        batch.consentIDs.append(consentID.description)
        byteCount += row.byteCount
        guard byteCount >= configuration.trainingBatchByteCount else { continue }
        try await send(batch)
        batch.rows = []
        batch.consentIDs = []
        byteCount = 0
      }
      guard try heldLease() == lease else { throw FeatureStoreError.consentUnreachable }
      guard let last = page.people.last?.pid, page.people.count == configuration.trainingPageCount
      else { break }
      range = .after(last)
      try Task.checkCancellation()
      guard time.monotonicMicroseconds < end else {
        throw FeatureStoreError.tooMuch("the training set took too long; ask for fewer features")
      }
    }
    // The last one goes out even when it is empty: it says how many people there were.
    try await send(batch)
  }

  private func heldLease() throws(FeatureStoreError) -> LeasePeriod {
    guard let period = gate.leasePeriod else { throw .consentUnreachable }
    return period
  }

  /// The receipt that allows `scope` now; `nil` where none does.
  private func receipt(of pid: PseudonymousID, for scope: Scope) -> ConsentID? {
    switch gate.admit(pid, scope: scope) {
    case .admitted(let proof): proof.consentID
    case .withheld: nil
    }
  }

  private struct Page: Sendable {
    struct Person: Sendable {
      let pid: PseudonymousID
      /// `nil` where the person did not allow the scope.
      var record: PersonRecord?
    }
    var people: [Person]
  }

  /// The next people of the snapshot, with the records of those who allow `scope`.
  private func page(
    _ range: KeyRange<PseudonymousID>, of plan: ReadPlan, scope: Scope,
    from snapshot: HeldSnapshot
  ) async throws -> Page {
    let limit = configuration.trainingPageCount
    let pids = try await snapshot.read { try $0.keys(FeatureTables.people, range, limit: limit) }
    let wanted = pids.filter { receipt(of: $0, for: scope) != nil }
      .map { plan.wanted(of: $0, through: gate) }
    let opened = wanted.filter { !$0.parts.isEmpty }.map(\.pid)
    let subjectKeys = opened.isEmpty ? [:] : try await keys.subjectKeys(of: opened)
    let records = try await snapshot.read { snapshot in
      try wanted.map { person in
        var parts: [PersonPart: PartContent] = [:]
        if let key = subjectKeys[person.pid] {
          for part in person.parts {
            parts[part] = try snapshot.content(part, of: person.pid, under: key)
          }
        }
        return PersonRecord(pid: person.pid, asked: person.parts, parts: parts)
      }
    }
    let byPid = Dictionary(records.map { ($0.pid, $0) }, uniquingKeysWith: { first, _ in first })
    return Page(people: pids.map { Page.Person(pid: $0, record: byPid[$0]) })
  }
}
