package import TransparencyLog

/// What is wrong with a piece of evidence. The texts never repeat what it says of a person.
package enum EvidenceFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// A part does not have the form that it should have.
  case malformed(String)
  /// The parts do not add up to the answer; the text says which.
  case notProven(String)
  /// A path, a signature or a note does not hold.
  case log(TransparencyLogError)

  package var description: String {
    switch self {
    case .malformed(let what): "\(what) is malformed"
    case .notProven(let what): what
    case .log(let error): "\(error)"
    }
  }
}
