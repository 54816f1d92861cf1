internal import ConsentAPI
internal import Gate
internal import PrivacyCore
internal import Simulation

/// Judges a history: what the client was told, against what the gates did and what is stored.
///
/// `@unchecked Sendable`: see `World`.
final class HistoryChecker: @unchecked Sendable {
  struct Key: Hashable {
    let pid: PseudonymousID
    let scope: Scope
  }

  private let room: ConsentRoom
  private(set) var violations: [String] = []
  /// What was taken away by an acknowledged withdrawal, refusal, objection or erasure, without a
  /// grant that was asked for since.
  private(set) var forbidden: [Key: Taking] = [:]
  /// What an acknowledged restriction keeps from use, without a lifting that was asked for since.
  private(set) var restricted: [Key: Taking] = [:]
  /// The receipts that were acknowledged, and what they are.
  private(set) var acknowledged: [String: Receipt] = [:]
  private(set) var readCount = 0
  /// The reads with a consistency token that were let pass.
  private(set) var tokenReadCount = 0

  /// What ended a permission, and when that was acknowledged.
  struct Taking {
    let since: Int64
    let receipt: String
  }

  init(_ room: ConsentRoom) { self.room = room }

  // MARK: - What the client did

  /// A grant is asked for: from now on it may count.
  func willGrant(_ pid: PseudonymousID, _ scopes: [Scope]) {
    for scope in scopes { forbidden[Key(pid: pid, scope: scope)] = nil }
  }

  /// A receipt was acknowledged.
  func acknowledge(_ receipt: Receipt) { acknowledged[receipt.consentID] = receipt }

  /// A restriction is asked to be lifted: from now on it may not count.
  func willLift(_ pid: PseudonymousID, _ scopes: [Scope]) {
    for scope in scopes { restricted[Key(pid: pid, scope: scope)] = nil }
  }

  /// Something that takes away was acknowledged: from now on nothing is read.
  func didTakeAway(_ pid: PseudonymousID, _ scopes: [Scope], _ receipt: Receipt) {
    let taking = Taking(since: room.world.now, receipt: receipt.consentID)
    for scope in scopes {
      let key = Key(pid: pid, scope: scope)
      if receipt.kind == .restriction { restricted[key] = taking } else { forbidden[key] = taking }
    }
    for name in ConsentRoom.gateNames { read(name) }
  }

  // MARK: - What the gates do

  /// Reads, in one gate, everything that must not be served.
  func read(_ name: String) {
    guard let node = room.gates[name], !node.process.isDead, !node.process.isStopped else { return }
    for (key, taking) in forbidden { read(key, taking, name, node.gate) }
    for (key, taking) in restricted { read(key, taking, name, node.gate) }
  }

  /// Under both pids, whether the gate knows the new one or not.
  private func read(_ key: Key, _ taking: Taking, _ name: String, _ gate: Gate) {
    for pid in [key.pid, RenamingVault.successor(of: key.pid)] {
      read(pid, key, taking, name, gate)
    }
  }

  private func read(
    _ pid: PseudonymousID, _ key: Key, _ taking: Taking, _ name: String, _ gate: Gate
  ) {
    readCount += 1
    switch gate.admit(pid, scope: key.scope) {
    case .withheld: break
    case .admitted(let proof):
      violate(
        "\(name) served \(key.scope) of \(pid) at \(room.world.now) us under "
          + "\(proof.consentID), ended by \(taking.receipt), acknowledged at \(taking.since) us")
    }
  }

  /// A gate let a read with the token of `receipt` pass.
  func didWait(_ name: String, _ gate: Gate, for receipt: Receipt) {
    tokenReadCount += 1
    guard gate.appliedSequence.value >= receipt.sequence else {
      violate(
        "\(name) let a read pass that must know \(receipt.sequence), at \(gate.appliedSequence)")
      return
    }
    guard receipt.kind == .grant, let pid = PseudonymousID(bytes: receipt.pid) else { return }
    // The pid that the receipt names may be nobody's by now.
    let names = [pid, RenamingVault.successor(of: pid)]
    for scope in receipt.scopes.compactMap({ Scope($0) }) {
      let isUnknown = names.allSatisfy { pid in
        if case .withheld(.neverAsked) = gate.admit(pid, scope: scope) { true } else { false }
      }
      if isUnknown {
        violate("\(name) does not know the grant \(receipt.consentID) behind its token")
      }
    }
  }

  func violate(_ text: String) {
    if violations.count < 10 { violations.append(text) }
  }

  // MARK: - The end

  /// What must hold when everything is healthy again.
  func checkEffects() {
    for name in ConsentRoom.gateNames {
      guard let carriedOut = room.effects[name]?.carriedOut else { continue }
      if zip(carriedOut, carriedOut.dropFirst()).contains(where: { $0 >= $1 }) {
        violate("\(name) carried a change out twice or out of order: \(carriedOut)")
      }
    }
  }
}
