/// How much memory unpacking one message may take. A few packed bytes can ask for about fifty
/// times their size (empty messages in a list); past the limit the message is refused.
public struct UnpackLimit: Hashable, Sendable {
  private let fixed: Int?

  /// So many bytes, whatever the message's size.
  public init(byteCount: Int) { fixed = byteCount }

  private init() { fixed = nil }

  /// 16 times the packed size and 64 KiB, at most 32 MiB: room for lists of small records, none
  /// for lists of nothing.
  public static let standard = UnpackLimit()

  /// The limit in bytes for a message of this packed size.
  func byteCount(packed byteCount: Int) -> Int {
    if let fixed { return max(0, fixed) }
    let most = 32 << 20
    return byteCount < most / 16 ? min(most, byteCount * 16 + 64 << 10) : most
  }
}
