/// Which logs and witnesses somebody trusts, and how many witnesses must have seen a checkpoint
/// (C2SP tlog-policy).
public struct TrustPolicy: Hashable, Sendable {
  /// The most logs, witnesses and groups of a policy, each.
  public static let partCountMax = 64
  /// The most bytes of a policy's text.
  public static let byteCountMax = 64 << 10

  /// Who must have cosigned.
  indirect enum Quorum: Hashable, Sendable {
    case none
    case witness(NoteKey)
    case group(threshold: Int, [Quorum])
  }

  /// The keys of the logs. A key's name is its log's origin.
  public let logs: [NoteKey]
  /// The keys of the witnesses.
  public let witnesses: [NoteKey]
  private let quorum: Quorum

  init(logs: [NoteKey], witnesses: [NoteKey], quorum: Quorum) {
    self.logs = logs
    self.witnesses = witnesses
    self.quorum = quorum
  }

  /// A policy of `threshold` out of `witnesses`; 0 asks for none.
  ///
  /// - Throws: `malformed` for keys of the wrong kind, a key that comes twice, or a threshold that
  ///   cannot be reached.
  public init(
    logs: [NoteKey], witnesses: [NoteKey] = [], threshold: Int = 0
  ) throws(TransparencyLogError) {
    try Self.check(logs, .note)
    try Self.check(witnesses, .cosignature)
    guard (0...witnesses.count).contains(threshold) else {
      throw .malformed("a quorum of \(threshold) out of \(witnesses.count) witnesses")
    }
    self.init(
      logs: logs, witnesses: witnesses,
      quorum: threshold == 0
        ? .none : .group(threshold: threshold, witnesses.map { .witness($0) }))
  }

  static func check(_ keys: [NoteKey], _ kind: NoteKey.Kind) throws(TransparencyLogError) {
    guard keys.count <= partCountMax else {
      throw .tooLarge("keys of a policy", count: keys.count, limit: partCountMax)
    }
    guard keys.allSatisfy({ $0.kind == kind }) else {
      throw .malformed("a policy with a key of the wrong kind")
    }
    guard Set(keys.map(\.key)).count == keys.count else {
      throw .malformed("a policy that names a key twice")
    }
  }

  /// A checkpoint that satisfies the policy, and the witnesses that cosigned it.
  public struct Verified: Hashable, Sendable {
    /// The checkpoint.
    public let checkpoint: Checkpoint
    /// The witnesses, by key name, with their times in seconds since the epoch.
    public let cosignatures: [String: UInt64]
  }

  /// Verifies a checkpoint: signed by a log of the policy under the log's own name, cosigned by its
  /// quorum. Signatures of unknown keys are ignored; a false one of a known key refuses the whole.
  ///
  /// - Throws: `malformed`, `otherOrigin`, `notSigned`, `falseSignature`, `quorumMissed`.
  public func verify(_ note: SignedNote) throws(TransparencyLogError) -> Verified {
    let checkpoint = try Checkpoint(text: note.text)
    try verifyStatement(note, of: checkpoint.origin)
    var times: [NoteKey: UInt64] = [:]
    for key in witnesses {
      for signature in note.signatures where try key.claims(signature) {
        times[key] = try key.verify(signature, on: note.text)
      }
    }
    let names = times.keys.map(\.name).sorted()
    guard Self.isReached(quorum, by: Set(times.keys)) else { throw .quorumMissed(cosigned: names) }
    return Verified(
      checkpoint: checkpoint,
      cosignatures: Dictionary(
        times.map { ($0.key.name, $0.value) }, uniquingKeysWith: { max($0, $1) }))
  }

  /// Verifies that a log of the policy signed a note, whatever it says.
  ///
  /// - Parameter origin: the log's name, under which it must have signed.
  /// - Throws: `otherOrigin`, `notSigned`, `falseSignature`.
  public func verifyStatement(
    _ note: SignedNote, of origin: String
  ) throws(TransparencyLogError) {
    let keys = logs.filter { $0.name.hasSameBytes(as: origin) }
    if keys.isEmpty, !logs.isEmpty {
      throw .otherOrigin(
        found: origin, expected: logs.map(\.name).joined(separator: " or "))
    }
    var isSigned = false
    for key in keys {
      for signature in note.signatures where try key.claims(signature) {
        try key.verify(signature, on: note.text)
        isSigned = true
      }
    }
    guard isSigned else { throw .notSigned(origin: origin) }
  }

  private static func isReached(_ quorum: Quorum, by witnesses: Set<NoteKey>) -> Bool {
    switch quorum {
    case .none: true
    case .witness(let key): witnesses.contains(key)
    case .group(let threshold, let members):
      members.count { isReached($0, by: witnesses) } >= threshold
    }
  }
}
