internal import AuditLog
package import FeaturesAPI
internal import Gate
internal import PrivacyCore
package import RPC
internal import Transport

extension FeatureStoreService {
  package func get(_ request: GetRequest, context: CallContext) async throws -> GetReply {
    let pids = try pids(of: request)
    let plan = try plan(request.features, asOfUs: request.asOfUs)
    guard pids.count * plan.references.count <= configuration.cellCountMax else {
      throw FeatureStoreError.tooMuch(
        "more than \(configuration.cellCountMax) features times people in one call")
    }
    try await gate.wait(for: request.atLeast, until: context.deadline)
    let consentSequence = gate.appliedSequence
    let records = try await reader.records(
      of: pids.map { plan.wanted(of: $0, through: gate) })

    var reply = GetReply(consentSequence: consentSequence.value)
    reply.rows.reserveCapacity(records.count)
    var byteCount = 0
    var consentIDs: Set<ConsentID> = []
    for record in records {
      let row = plan.row(of: record, through: gate)
      byteCount += row.byteCount
      guard byteCount <= configuration.replyByteCountMax else {
        throw FeatureStoreError.tooMuch("the answer is too large; ask for fewer people")
      }
      reply.withheld += UInt32(row.withheldCount)
      consentIDs.formUnion(row.consentIDs)
      reply.rows.append(row.message)
    }
    // In the next batch of reads: nobody waits for a disk.
    try audit.recordRead(
      AuditEntry(
        principal: context.peer.spiffeID, action: "features.get", purpose: request.purpose,
        pids: pids, consentIDs: consentIDs.sorted().map(\.description),
        details: request.features.map { ("feature", $0) }
          + [("withheld", String(reply.withheld))]))
    return reply
  }

  private func pids(of request: GetRequest) throws(FeatureStoreError) -> [PseudonymousID] {
    guard !request.pids.isEmpty else { throw .badRequest("no people asked for") }
    let pids = request.pids.compactMap { PseudonymousID(bytes: $0) }
    guard pids.count == request.pids.count else {
      throw .badRequest("a pid does not have 32 bytes")
    }
    return pids
  }

  /// What `names` ask for, as of a time; 0: now.
  func plan(_ names: [String], asOfUs: Int64) throws(FeatureStoreError) -> ReadPlan {
    guard asOfUs >= 0 else { throw .badRequest("as_of lies before 1970") }
    do {
      return ReadPlan(
        try views.catalog.resolve(names),
        asOf: asOfUs == 0 ? time.now : Timestamp(microseconds: asOfUs))
    } catch {
      throw .unknownFeature(error)
    }
  }
}
