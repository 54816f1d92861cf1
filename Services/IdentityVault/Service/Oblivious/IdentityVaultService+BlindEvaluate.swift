internal import AuditLog
internal import Cryptography
internal import PrivacyCore
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
    // Counted before the points are read, which takes longer.
    guard (1...Self.blindedElementsMax).contains(request.blinded.count) else {
      throw ObliviousRefusal.elementCount(limit: Self.blindedElementsMax)
    }
    try callers.admit(request.blinded.count, looksUp: false, of: context.peer)
    let blinded = try elements(request.blinded)
    var evaluated: [ObliviousElement] = []
    evaluated.reserveCapacity(blinded.count)
    for start in stride(from: 0, to: blinded.count, by: Self.evaluationsAtOnce) {
      let end = min(start + Self.evaluationsAtOnce, blinded.count)
      evaluated += try key.evaluate(blinded[start..<end])
      try Task.checkCancellation()
      await Task.yield()
    }
    // The evaluated point's x stands for the identifier, which nobody sees; blinded again it is
    // another one. A caller who could foretell it, as it can the blinded one's, could choose points
    // that the count takes for one.
    try await callers.charge(
      evaluated.compactMap { PseudonymousID(bytes: Array($0.bytes.dropFirst())) },
      to: context.peer)
    // Every element may be a guess: who asks, and for how many, is in the log before the answer
    // leaves, and no answer leaves without it.
    _ = try await registry.audit.append(
      AuditEntry(
        principal: context.peer.spiffeID, action: "vault.blind_evaluate",
        details: [
          ("domain", domain.name), ("profile", profile.rawValue),
          ("key_version", "\(domain.keyVersion)"), ("elements", "\(blinded.count)"),
        ]))
    let proof = try key.prove(blinded, evaluated: evaluated, random: registry.random)
    return BlindEvaluateReply(
      evaluated: evaluated.map(\.bytes), proof: proof, keyVersion: domain.keyVersion)
  }

  /// The points of a request. One that is none refuses all of them: a proof speaks of a batch.
  private func elements(_ blinded: [[UInt8]]) throws(ObliviousRefusal) -> [ObliviousElement] {
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
