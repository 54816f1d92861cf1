/// Why a pack about a person is refused. The texts name files, services and limits, never what is
/// held of the person.
package enum AccessFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// What a service holds of one person is more than one answer carries.
  case tooLarge(byteCount: Int, limit: Int)
  /// Something is not in the form that it should have.
  case malformed(String)
  /// A service's part is not what the service signed, or it is not signed.
  case falsePart(service: String, reason: String)
  /// A file of the pack is not what belongs to its `access.json`.
  case otherFile(String)
  /// A service gave no answer that can be kept.
  case noAnswer(service: String, reason: String)

  package var description: String {
    switch self {
    case .tooLarge(let byteCount, let limit):
      "more than one answer carries: \(byteCount) bytes, the limit is \(limit)"
    case .malformed(let what): "malformed: \(what)"
    case .falsePart(let service, let reason): "the part of \(service): \(reason)"
    case .otherFile(let name): "\(name) is not what belongs to access.json"
    case .noAnswer(let service, let reason): "\(service) gave no answer: \(reason)"
    }
  }
}
