internal import CoreFoundation
internal import Foundation
internal import Logging
internal import PrivacyCore
internal import Synchronization

/// A value made from files, and made anew when one of them is replaced: certificates are renewed
/// without a restart. What cannot be made leaves the value before in place.
final class MadeFromFiles<Value: Sendable>: Sendable {
  /// What tells one content of a file from another without reading it.
  private struct Stamp: Equatable {
    let number: Int
    let byteCount: Int
    let changedAt: Date
  }

  private struct State {
    var value: Value
    var stamps: [Stamp?]
    var lookedAt: Int64
  }

  private let paths: [String]
  private let time: any TimeSource
  private let log: Logger
  private let make: @Sendable () throws(TransportError) -> Value
  private let state: Mutex<State>

  /// The files are looked at again at most once in so many microseconds.
  private static var intervalMicroseconds: Int64 { 1_000_000 }

  /// Makes the first value.
  init(
    _ paths: [String], time: any TimeSource, log: Logger,
    make: @escaping @Sendable () throws(TransportError) -> Value
  ) throws(TransportError) {
    self.paths = paths
    self.time = time
    self.log = log
    self.make = make
    // Stamps first: a file replaced while it is read is read again.
    let stamps = paths.map(Self.stamp)
    state = Mutex(
      State(value: try make(), stamps: stamps, lookedAt: time.monotonicMicroseconds))
  }

  /// The value made from what is in the files, within a second.
  var current: Value {
    state.withLock { state in
      let now = time.monotonicMicroseconds
      guard now - state.lookedAt >= Self.intervalMicroseconds else { return state.value }
      state.lookedAt = now
      let stamps = paths.map(Self.stamp)
      guard stamps != state.stamps else { return state.value }
      do throws(TransportError) {
        state.value = try make()
        state.stamps = stamps
        log.notice("read the certificates again", metadata: ["path": "\(paths.first ?? "")"])
      } catch {
        log.warning(
          "the new certificates cannot be used; the ones before stay",
          metadata: ["reason": "\(error)"])
      }
      return state.value
    }
  }

  private static func stamp(_ path: String) -> Stamp? {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
      let number = attributes[.systemFileNumber] as? Int,
      let byteCount = attributes[.size] as? Int,
      let changedAt = attributes[.modificationDate] as? Date
    else { return nil }
    return Stamp(number: number, byteCount: byteCount, changedAt: changedAt)
  }
}
