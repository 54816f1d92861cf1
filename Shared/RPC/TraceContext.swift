public import PrivacyCore

/// Which trace a call belongs to (W3C Trace Context, binary form of 29 bytes).
public struct TraceContext: Hashable, Sendable {
  /// 16 bytes that name the whole trace; not all zero.
  public let traceID: [UInt8]

  /// 8 bytes that name the calling operation; not all zero.
  public let spanID: [UInt8]

  /// Whether the trace is recorded.
  public let isSampled: Bool

  /// A trace context, or `nil` for ids of another length or all zero.
  public init?(traceID: [UInt8], spanID: [UInt8], isSampled: Bool) {
    guard traceID.count == 16, spanID.count == 8, traceID.contains(where: { $0 != 0 }),
      spanID.contains(where: { $0 != 0 })
    else { return nil }
    self.traceID = traceID
    self.spanID = spanID
    self.isSampled = isSampled
  }

  /// A new trace.
  public static func start(random: some RandomSource, isSampled: Bool = true) -> TraceContext? {
    TraceContext(
      traceID: random.bytes(count: 16), spanID: random.bytes(count: 8), isSampled: isSampled)
  }

  /// The same trace, seen from a new operation.
  public func child(random: some RandomSource) -> TraceContext? {
    TraceContext(traceID: traceID, spanID: random.bytes(count: 8), isSampled: isSampled)
  }

  /// Version 0, then the fields 0 (trace id), 1 (span id) and 2 (flags), each behind its number.
  init?(binary: [UInt8]) {
    guard binary.count == 29, binary[0] == 0, binary[1] == 0, binary[18] == 1, binary[27] == 2
    else { return nil }
    self.init(
      traceID: Array(binary[2..<18]), spanID: Array(binary[19..<27]),
      isSampled: binary[28] & 1 == 1)
  }

  var binary: [UInt8] { [0, 0] + traceID + [1] + spanID + [2, isSampled ? 1 : 0] }
}
