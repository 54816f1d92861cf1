/// The key of the codes that bind a position of a log to the log: whoever holds such a code was
/// given it by the log's keeper, or by somebody who holds the key.
public struct PositionKey: Sendable {
  /// The bytes of a code: half of HMAC-SHA256, which leaves 128 bits to guess.
  public static let codeByteCount = 16

  private static let label = Array("tacit log position v1".utf8)
  private let key: HMACKey

  /// A key with a copy of `secret`, which must not be empty.
  public init(secret: borrowing SecretBytes) throws(CryptographyError) {
    key = try HMACKey(secret: secret)
  }

  /// The code of `position` in the log's `epoch`. About half a microsecond.
  public func code(epoch: UInt64, position: UInt64) throws(CryptographyError) -> [UInt8] {
    var text = Self.label
    for number in [epoch, position] {
      for shift in stride(from: 56, through: 0, by: -8) {
        text.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
      }
    }
    return Array(try key.authenticate(text).prefix(Self.codeByteCount))
  }

  /// Whether `code` is the code of `position` in `epoch`, compared in constant time.
  public func verify(
    _ code: [UInt8], epoch: UInt64, position: UInt64
  ) throws(CryptographyError) -> Bool {
    ConstantTime.areEqual(try self.code(epoch: epoch, position: position), code)
  }
}
