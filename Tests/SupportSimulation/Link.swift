/// What a network does to what travels one way between two processes. Times are microseconds,
/// chances thousandths.
package struct Link: Sendable {
  /// How long a frame travels.
  package var delay: ClosedRange<Int64> = 20...200
  /// How many bytes go through in a second; 0 for any number.
  package var bytesPerSecond: Int64 = 0
  /// Frames whose segment is lost: they come, with all behind them, when TCP sends it again.
  package var lossPerMille = 0
  /// How long that takes: Linux's shortest retransmission timer.
  package var retransmissionDelay: Int64 = 200_000
  /// Frames that later frames of other streams overtake.
  package var reorderPerMille = 0
  /// How much later those come at most.
  package var reorderDelay: Int64 = 20_000
  /// Frames that never come, although the connection goes on: no network does that to TCP, but a
  /// faulty proxy may.
  package var dropPerMille = 0
  /// Frames in whose middle the connection breaks.
  package var cutPerMille = 0
  /// Frames that come in two pieces.
  package var splitPerMille = 0
  /// Whether nothing gets through; what is sent waits until something does.
  package var isBlocked = false

  /// A healthy local network.
  package init() {}
}

/// The two ends of a way, in its direction.
struct LinkName: Hashable {
  let from: String
  let to: String
}
