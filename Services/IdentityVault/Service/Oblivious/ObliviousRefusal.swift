package import RPC

/// Why a call of the oblivious mode was refused. The texts never hold an element.
package enum ObliviousRefusal: Error, Equatable, Sendable, CustomStringConvertible {
  case notOblivious
  case foreignDomain
  case kindMissing
  case elementCount(limit: Int)
  case malformedElement(number: Int)
  case keyChanged(version: UInt32)

  package var description: String {
    switch self {
    case .notOblivious: "the vault has no oblivious domain of this name"
    case .foreignDomain: "a partner may ask of the domain with its own name only"
    case .kindMissing: "the kind of identifier is missing or unknown"
    case .elementCount(let limit): "one call holds 1 to \(limit) blinded elements"
    case .malformedElement(let number):
      "element \(number) is not a point of P-256 in its compressed form"
    case .keyChanged(let version): "the key has version \(version) now; ask for it and begin again"
    }
  }
}

extension ObliviousRefusal: RPCErrorConvertible {
  package var rpcError: RPCError { RPCError(code, description) }

  private var code: StatusCode {
    switch self {
    case .foreignDomain: .permissionDenied
    case .keyChanged: .failedPrecondition
    case .notOblivious, .kindMissing, .elementCount, .malformedElement: .invalidArgument
    }
  }
}
