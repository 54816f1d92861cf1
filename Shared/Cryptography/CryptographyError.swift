/// Why a cryptographic operation failed. Carries lengths and names, never key bytes or plaintext.
public enum CryptographyError: Error, Equatable, Sendable {
  /// A key, seed or signature has another length than its algorithm asks for.
  case keyByteCount(expected: Int, actual: Int)
  /// The sealed bytes end before the shortest possible sealed value does.
  case truncated(byteCount: Int)
  /// The sealed bytes begin with a format number that this version does not know.
  case unsupportedFormat(UInt8)
  /// The value was sealed under another key than the one it was opened with.
  case otherKey(sealedUnder: KeyID, openedWith: KeyID)
  /// The ring holds no key with the id that sealed the value.
  case unknownKey(KeyID)
  /// The bytes were changed or cut, or the key or the associated data is another one.
  case notAuthentic
  /// More bytes than one operation takes.
  case tooLong(byteCount: Int, byteCountMax: Int)
  /// Bytes that are no point of the curve in the form that is asked for.
  case malformedPoint
  /// A parameter outside its range; the text names it and its range.
  case parameterOutOfRange(String)
  /// OpenSSL refused an operation that should not fail: out of memory, or an algorithm that this
  /// machine's OpenSSL does not provide.
  case library(operation: String, reason: String)
}

extension CryptographyError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .keyByteCount(let expected, let actual):
      "a key of \(expected) bytes is needed, this one has \(actual)"
    case .truncated(let byteCount):
      "\(byteCount) bytes are too few for a sealed value"
    case .unsupportedFormat(let format):
      "sealed in format \(format), which this version does not know"
    case .otherKey(let sealedUnder, let openedWith):
      "sealed under key \(sealedUnder), opened with key \(openedWith)"
    case .unknownKey(let id):
      "sealed under key \(id), which is not among the keys at hand"
    case .notAuthentic:
      "not authentic: changed, cut, or sealed under another key or for another place"
    case .tooLong(let byteCount, let byteCountMax):
      "\(byteCount) bytes are more than the \(byteCountMax) that one operation takes"
    case .malformedPoint:
      "not a point of P-256 in its compressed form"
    case .parameterOutOfRange(let text):
      text
    case .library(let operation, let reason):
      "OpenSSL: \(operation) failed: \(reason)"
    }
  }
}
