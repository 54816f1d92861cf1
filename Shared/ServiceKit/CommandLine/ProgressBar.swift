internal import Foundation
public import PrivacyCore
internal import Synchronization

/// A bar on standard error for work that takes longer than a second; nothing where standard error
/// is no terminal, so that logs and scripts stay clean.
public final class ProgressBar: Sendable {
  private struct State {
    var lastDrawnUs: Int64 = 0
    var isDrawn = false
  }

  private let title: String
  private let time: any TimeSource
  private let startedUs: Int64
  private let isTerminal: Bool
  private let state = Mutex(State())

  /// A bar that begins now.
  public init(_ title: String, time: any TimeSource = SystemTime()) {
    self.title = title
    self.time = time
    startedUs = time.monotonicMicroseconds
    isTerminal = isatty(STDERR_FILENO) == 1
  }

  /// Shows how far it is, at most ten times a second.
  ///
  /// - Parameter fraction: in 0...1.
  public func update(_ fraction: Double, note: String = "") {
    let now = time.monotonicMicroseconds
    let isDue = state.withLock { state in
      guard isTerminal, now - startedUs > 1_000_000 || fraction < 1,
        now - state.lastDrawnUs > 100_000 || fraction >= 1
      else { return false }
      state.lastDrawnUs = now
      state.isDrawn = true
      return true
    }
    guard isDue else { return }
    let line = Self.line(
      title: title, fraction: fraction, elapsedSeconds: Double(now - startedUs) / 1e6, note: note)
    FileHandle.standardError.write(Data("\r\u{1B}[K\(line)".utf8))
  }

  /// Takes the bar away again.
  public func finish() {
    if state.withLock({ $0.isDrawn }) { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
  }

  static func line(
    title: String, fraction: Double, elapsedSeconds: Double, note: String
  ) -> String {
    let width = 28
    let clamped = min(max(fraction.isFinite ? fraction : 0, 0), 1)
    let filled = Int(clamped * Double(width))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    var line = "\(title) \(bar) \(Int(clamped * 100)) %"
    if clamped > 0.02, clamped < 1 {
      line += ", \(Int((elapsedSeconds / clamped * (1 - clamped)).rounded(.up))) s left"
    }
    return note.isEmpty ? line : line + ", \(note)"
  }
}
