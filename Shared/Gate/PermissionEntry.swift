internal import PrivacyCore

/// What one receipt says about some scopes of one person, in 40 bytes.
///
/// Scopes are numbered as a gate comes to know them, 16 to a page; an entry speaks of scopes of one
/// page. The beginning is in microseconds, in 56 bits, which reach the year 4253; the end stands in
/// 37 bits as so many 32nds of a second behind it, rounded down, so that a gate stops up to 31 ms
/// before a receipt that ends between two of them. Positions have 40 bits.
struct PermissionEntry: Sendable {
  /// What counts for the scopes of an entry.
  enum Kind: UInt8 {
    case grant = 1, withdrawn, denied, objected, erased
  }

  private var receiptWords: (UInt32, UInt32, UInt32, UInt32)
  /// The scopes of the page; none where the entry is free.
  var scopes: UInt16
  let page: UInt8
  /// The kind in the low three bits, the highest five bits of the duration above them.
  private var kindAndDurationHigh: UInt8
  private var grantedLow: UInt32
  private var grantedHighAndSequenceHigh: UInt32
  private var durationLow: UInt32
  private var sequenceLow: UInt32
  /// Where the person's next entry is; -1 for none.
  var next: Int32

  static let scopesPerPage = 16
  private static let kindMask: UInt8 = 0b111
  /// A 32nd of a second, in microseconds.
  private static let durationUnit: Int64 = 31_250
  private static let durationMax = (Int64(1) << 37) - 1
  private static let time56 = (Int64(1) << 56) - 1

  init(
    _ kind: Kind, scopes: UInt16, page: UInt8, receipt: CompactConsentID, grantedAt: Timestamp,
    expiresAt: Timestamp, sequence: LogSequenceNumber
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
    let (length, overflow) = expiresAt.microseconds.subtractingReportingOverflow(granted)
    // What ends before it begins never counts; what ends later than can be told, ends there.
    let units =
      kind == .grant && !overflow ? min(max(length, 0) / Self.durationUnit, Self.durationMax) : 0
    kindAndDurationHigh = kind.rawValue | UInt8(truncatingIfNeeded: units >> 32) << 3
    durationLow = UInt32(truncatingIfNeeded: units)
  }

  /// An entry that speaks of nothing.
  static let free = PermissionEntry()

  private init() {
    receiptWords = (0, 0, 0, 0)
    (scopes, page, kindAndDurationHigh) = (0, 0, 0)
    (grantedLow, grantedHighAndSequenceHigh, durationLow, sequenceLow) = (0, 0, 0, 0)
    next = -1
  }

  var kind: Kind? { Kind(rawValue: kindAndDurationHigh & Self.kindMask) }

  var receipt: CompactConsentID { CompactConsentID(words: receiptWords) }

  var sequence: LogSequenceNumber {
    LogSequenceNumber(
      UInt64(grantedHighAndSequenceHigh >> 24) << 32 | UInt64(sequenceLow))
  }

  var grantedAt: Timestamp {
    Timestamp(
      microseconds: Int64(grantedHighAndSequenceHigh & 0xFF_FFFF) << 32 | Int64(grantedLow))
  }

  var expiresAt: Timestamp {
    let units = Int64(kindAndDurationHigh >> 3) << 32 | Int64(durationLow)
    return grantedAt.advanced(byMicroseconds: units * Self.durationUnit)
  }
}
