package import RPC

/// Why a step of a rotation of pid keys was refused.
package enum RotationRefusal: Error, Equatable, Sendable, CustomStringConvertible {
  case obliviousDomain(String)
  case running(rotation: UInt32, domain: String)
  case notRunning
  case notIndependent(version: UInt32)
  case notPending
  case notTheNextPhase
  case waits(for: [String])
  case notAService
  case tooManyPids(limit: Int)

  package var description: String {
    switch self {
    case .obliviousDomain(let name):
      "the pids of domain \(name) are made by a partner: begin another domain for new ones"
    case .running(let rotation, let domain):
      "rotation \(rotation) of domain \(domain) is not over; there is one at a time"
    case .notRunning: "no rotation of pid keys is under way"
    case .notIndependent(let version):
      """
      the pid key hangs from version \(version) of the vault's own key, and that is the newest: make \
      another one first, with `rotation start`
      """
    case .notPending: "a rotation is given up only while it is pending"
    case .notTheNextPhase:
      "a rotation goes from pending to dual-write, dual-read and retired, a step at a time"
    case .waits(let sentences): sentences.joined(separator: "; ")
    case .notAService: "only services tell how far they are"
    case .tooManyPids(let limit): "one call asks for 1 to \(limit) pids"
    }
  }
}

extension RotationRefusal: RPCErrorConvertible {
  package var rpcError: RPCError { RPCError(code, description) }

  private var code: StatusCode {
    switch self {
    case .obliviousDomain, .tooManyPids: .invalidArgument
    case .notAService: .permissionDenied
    case .running, .notRunning, .notIndependent, .notPending, .notTheNextPhase, .waits:
      .failedPrecondition
    }
  }
}
