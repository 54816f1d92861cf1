internal import COpenSSL

/// Comparison whose time tells nothing about where two values differ.
public enum ConstantTime {
  /// Whether both hold the same bytes. Only the lengths show in the time it takes.
  public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
  }
}
