internal import AuditLog
internal import Cryptography
internal import Gate
internal import PrivacyCore
package import RPC
internal import Transport
internal import VectorIndex
package import VectorsAPI

extension VectorSearchService {
  package func search(_ request: SearchRequest, context: CallContext) async throws -> SearchReply {
    try callRate.take(context.peer.spiffeID)
    let collection = try library.collection(request.collection)
    let k = try resultCount(request.k)
    let noise = try VectorNoise(sigma: request.noiseSigma, delta: configuration.noiseDelta)
    guard !collection.isOpening else { throw VectorSearchError.loading(collection.name) }
    let query = try self.query(request.vector, of: collection, noise)

    let found =
      if let scope = collection.record.scope {
        people(near: query, k: k, in: collection, scope: scope)
      } else {
        FoundVectors(result: collection.searched.nearest(to: query, k: k))
      }
    let place = try await audit.append(
      AuditEntry(
        principal: context.peer.spiffeID, action: "vectors.search", purpose: request.purpose,
        pids: found.pids, consentIDs: found.consentIDs,
        details: [
          ("collection", collection.name), ("k", "\(k)"),
          ("found", "\(found.result.matches.count)"),
          ("withheld", "\(found.result.passedOver)"), ("noise_sigma", "\(request.noiseSigma)"),
          ("query_sha256", Hexadecimal.encode(try Self.digest(of: request.vector))),
        ]))
    return SearchReply(
      hits: found.result.matches.map { Hit(id: $0.id, score: $0.score) },
      withheld: UInt64(found.result.passedOver), noise: noise?.meaning,
      auditSequence: AuditLog.number(at: place))
  }

  /// The nearest people who allow it: each one that is returned consumes a proof.
  private func people(
    near query: [Float], k: Int, in collection: LiveCollection, scope: Scope
  ) -> FoundVectors {
    var pids: [PseudonymousID] = []
    var consentIDs: [String] = []
    let result = collection.searched.nearest(to: query, k: k) { id in
      guard let pid = PseudonymousID(bytes: id),
        case .admitted(let proof) = gate.admit(pid, scope: scope)
      else { return false }
      pids.append(pid)
      consentIDs.append(proof.consentID.description)
      return true
    }
    return FoundVectors(result: result, pids: pids, consentIDs: consentIDs)
  }

  /// How many results a call gets.
  func resultCount(_ k: UInt32) throws(VectorSearchError) -> Int {
    guard k >= 1, k <= configuration.resultCountMax else {
      throw .badResultCount(limit: configuration.resultCountMax)
    }
    return Int(k)
  }

  private func query(
    _ vector: [Float], of collection: LiveCollection, _ noise: VectorNoise?
  ) throws(VectorSearchError) -> [Float] {
    let index = collection.searched
    guard let noise else {
      return try Self.prepared(vector, index.metric, dimension: index.dimension)
    }
    guard index.metric != .euclidean else {
      throw .badQuery("noise is stated for unit vectors, and distances are not between such")
    }
    // What the noise means is stated for a unit vector.
    let unit = try Self.prepared(vector, .cosine, dimension: index.dimension)
    return try noise.added(to: unit, random: parts.random)
  }

  private static func prepared(
    _ vector: [Float], _ metric: VectorMetric, dimension: Int
  ) throws(VectorSearchError) -> [Float] {
    do {
      return try metric.prepared(vector, dimension: dimension)
    } catch {
      throw .badQuery(error.description)
    }
  }

  private static func digest(of vector: [Float]) throws -> [UInt8] {
    try Digest.sha256(
      vector.flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
      })
  }
}

/// What was found, and of whom.
private struct FoundVectors {
  let result: SearchResult
  var pids: [PseudonymousID] = []
  var consentIDs: [String] = []
}
