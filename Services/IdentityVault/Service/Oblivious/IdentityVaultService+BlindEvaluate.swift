internal import AuditLog
internal import Cryptography
package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  /// The most elements of one call, as in the schema: a tenth of a second of one core.
  package static let blindedElementsMax = 1_024
  /// How many evaluations are done before others have their turn: about 5 ms.
  static let evaluationsAtOnce = 64

  package func blindEvaluate(
    _ request: BlindEvaluateRequest, context: CallContext
  ) async throws -> BlindEvaluateReply {
    let domain = try obliviousDomain(request.domain, of: context.peer)
    let (key, profile) = try obliviousKey(of: request.kind, in: domain)
    guard request.keyVersion == 0 || request.keyVersion == domain.keyVersion else {
      throw ObliviousRefusal.keyChanged(version: domain.keyVersion)
    }
    let blinded = try elements(request.blinded)
    // Every element may be a guess: who asks, and for how many, is in the log before the answer
    // exists, and no answer leaves without it.
    _ = try await registry.audit.append(
      AuditEntry(
        principal: context.peer.spiffeID, action: "vault.blind_evaluate",
        details: [
          ("domain", domain.name), ("profile", profile.rawValue),
          ("key_version", "\(domain.keyVersion)"), ("elements", "\(blinded.count)"),
        ]))
    var evaluated: [ObliviousElement] = []
    evaluated.reserveCapacity(blinded.count)
    for start in stride(from: 0, to: blinded.count, by: Self.evaluationsAtOnce) {
      let end = min(start + Self.evaluationsAtOnce, blinded.count)
      evaluated += try key.evaluate(blinded[start..<end])
      try Task.checkCancellation()
      await Task.yield()
    }
    let proof = try key.prove(blinded, evaluated: evaluated, random: registry.random)
    return BlindEvaluateReply(
      evaluated: evaluated.map(\.bytes), proof: proof, keyVersion: domain.keyVersion)
  }

  /// The points of a request. One that is none refuses all of them: a proof speaks of a batch.
  private func elements(_ blinded: [[UInt8]]) throws(ObliviousRefusal) -> [ObliviousElement] {
    guard (1...Self.blindedElementsMax).contains(blinded.count) else {
      throw .elementCount(limit: Self.blindedElementsMax)
    }
    var elements: [ObliviousElement] = []
    elements.reserveCapacity(blinded.count)
    for (index, bytes) in blinded.enumerated() {
      guard let element = try? ObliviousElement(bytes: bytes) else {
        throw .malformedElement(number: index + 1)
      }
      elements.append(element)
    }
    return elements
  }
}
