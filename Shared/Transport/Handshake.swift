internal import Synchronization

/// What became of one connection's TLS handshake: written by the verification, read by the
/// connection's handler once the handshake has ended.
package final class Handshake: Sendable {
  private enum State {
    case undecided
    case accepted(PeerIdentity)
    case refused(String)
  }

  private let state: Mutex<State>

  /// A handshake that is still to come.
  init() { state = Mutex(.undecided) }

  /// A connection without a handshake: the peer is somebody on this machine.
  package init(plain identity: PeerIdentity) { state = Mutex(.accepted(identity)) }

  /// Who the peer is, once it has been accepted.
  package var identity: PeerIdentity? {
    state.withLock { if case .accepted(let identity) = $0 { identity } else { nil } }
  }

  /// Why the peer was refused, when it was.
  package var refusal: String? {
    state.withLock { if case .refused(let reason) = $0 { reason } else { nil } }
  }

  func accept(_ identity: PeerIdentity) { state.withLock { $0 = .accepted(identity) } }

  func refuse(_ reason: String) { state.withLock { $0 = .refused(reason) } }
}
