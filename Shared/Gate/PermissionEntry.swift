internal import PrivacyCore

/// What one receipt says about some scopes of one person, in 40 bytes.
///
/// Scopes are numbered as a gate comes to know them, 16 to a page; an entry speaks of scopes of one
/// page. Times are microseconds in 56 bits, which reach the year 4253; positions have 40 bits.
struct PermissionEntry: Sendable {
  /// What counts for the scopes of an entry.
  enum Kind: UInt8 {
    case grant = 1, withdrawn, denied, objected, erased
  }

  private var receiptWords: (UInt32, UInt32, UInt32, UInt32)
  /// The scopes of the page; none where the entry is free.
  var scopes: UInt16
  let page: UInt8
  private var kindAndWidth: UInt8
  private var grantedLow: UInt32
  private var grantedHighAndSequenceHigh: UInt32
  /// The seconds from beginning to end, or the index of the end among those that do not fit.
  private var duration: UInt32
  private var sequenceLow: UInt32
  /// Where the person's next entry is; -1 for none.
  var next: Int32

  static let scopesPerPage = 16
  private static let wide: UInt8 = 0x80
  private static let time56 = (Int64(1) << 56) - 1

  /// - Parameter wideEnds: takes in an end that is no whole number of seconds behind the beginning.
  init(
    _ kind: Kind, scopes: UInt16, page: UInt8, receipt: CompactConsentID, grantedAt: Timestamp,
    expiresAt: Timestamp, sequence: LogSequenceNumber, wideEnds: inout [Int64]
  ) {
    receiptWords = receipt.words
    self.scopes = scopes
    self.page = page
    let granted = min(max(grantedAt.microseconds, 0), Self.time56)
    grantedLow = UInt32(truncatingIfNeeded: granted)
    grantedHighAndSequenceHigh =
      UInt32(truncatingIfNeeded: granted >> 32) | UInt32(truncatingIfNeeded: sequence.value >> 32)
      << 24
    sequenceLow = UInt32(truncatingIfNeeded: sequence.value)
    next = -1
    let length = expiresAt.microseconds - granted
    if kind != .grant
      || (length >= 0 && length % 1_000_000 == 0
        && length / 1_000_000 <= Int64(UInt32.max))
    {
      kindAndWidth = kind.rawValue
      duration = kind == .grant ? UInt32(length / 1_000_000) : 0
    } else {
      kindAndWidth = kind.rawValue | Self.wide
      duration = UInt32(wideEnds.count)
      wideEnds.append(expiresAt.microseconds)
    }
  }

  /// An entry that speaks of nothing.
  static let free = PermissionEntry()

  private init() {
    receiptWords = (0, 0, 0, 0)
    (scopes, page, kindAndWidth) = (0, 0, 0)
    (grantedLow, grantedHighAndSequenceHigh, duration, sequenceLow) = (0, 0, 0, 0)
    next = -1
  }

  var kind: Kind? { Kind(rawValue: kindAndWidth & ~Self.wide) }

  var receipt: CompactConsentID { CompactConsentID(words: receiptWords) }

  var sequence: LogSequenceNumber {
    LogSequenceNumber(
      UInt64(grantedHighAndSequenceHigh >> 24) << 32 | UInt64(sequenceLow))
  }

  var grantedAt: Timestamp {
    Timestamp(
      microseconds: Int64(grantedHighAndSequenceHigh & 0xFF_FFFF) << 32 | Int64(grantedLow))
  }

  /// - Parameter wideEnds: the ends that did not fit.
  func expiresAt(_ wideEnds: [Int64]) -> Timestamp {
    kindAndWidth & Self.wide == 0
      ? grantedAt.advanced(byMicroseconds: Int64(duration) * 1_000_000)
      : Timestamp(microseconds: wideEnds[Int(duration)])
  }
}
