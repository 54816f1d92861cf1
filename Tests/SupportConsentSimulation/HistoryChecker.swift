internal import ConsentAPI
internal import Gate
internal import PrivacyCore
internal import Simulation

/// Judges a history: what the client was told, against what the gates did and what is stored.
///
/// `@unchecked Sendable`: see `World`.
final class HistoryChecker: @unchecked Sendable {
  /// What may be read of one person for one scope, as far as anybody was told.
  enum Standing: Equatable {
    /// Nothing was ever promised.
    case open
    /// A withdrawal or an erasure was acknowledged, and no grant was asked for since.
    case forbidden(since: Int64, receipt: String)
  }

  struct Key: Hashable {
    let pid: PseudonymousID
    let scope: Scope
  }

  private let room: ConsentRoom
  private(set) var violations: [String] = []
  private(set) var forbidden: [Key: (since: Int64, receipt: String)] = [:]
  /// The receipts that were acknowledged, and what they are.
  private(set) var acknowledged: [String: Receipt] = [:]
  private(set) var readCount = 0

  init(_ room: ConsentRoom) { self.room = room }

  // MARK: - What the client did

  /// A grant is asked for: from now on it may count.
  func willGrant(_ pid: PseudonymousID, _ scopes: [Scope]) {
    for scope in scopes { forbidden[Key(pid: pid, scope: scope)] = nil }
  }

  /// A receipt was acknowledged.
  func acknowledge(_ receipt: Receipt) { acknowledged[receipt.consentID] = receipt }

  /// A withdrawal or an erasure was acknowledged: from now on nothing is read.
  func didTakeAway(_ pid: PseudonymousID, _ scopes: [Scope], _ receipt: Receipt) {
    for scope in scopes {
      forbidden[Key(pid: pid, scope: scope)] = (room.world.now, receipt.consentID)
    }
    for name in ConsentRoom.gateNames { read(name) }
  }

  // MARK: - What the gates do

  /// Reads, in one gate, everything that must not be served.
  func read(_ name: String) {
    guard !forbidden.isEmpty, let node = room.gates[name], !node.process.isDead,
      !node.process.isStopped
    else { return }
    for (key, since) in forbidden {
      readCount += 1
      switch node.gate.admit(key.pid, scope: key.scope) {
      case .withheld: break
      case .admitted(let proof):
        violate(
          "\(name) served \(key.scope) of \(key.pid) at \(room.world.now) us under "
            + "\(proof.consentID), withdrawn by \(since.receipt), acknowledged at \(since.since) us"
        )
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
