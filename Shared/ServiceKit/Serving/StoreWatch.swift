internal import Logging
internal import PrivacyCore
internal import SealedStore

/// Watches over the store of a service: the log says when and why it refuses writes, and it writes
/// again by itself once there is room. Reads go on all the while.
struct StoreWatch: Sendable {
  let store: SealedStore
  let time: any TimeSource
  let log: Logger

  /// How often it looks, in milliseconds.
  static let intervalMs = 1_000

  /// Watches until the task is cancelled.
  func run() async throws {
    var reported: StoreError?
    while true {
      try await time.sleep(milliseconds: Self.intervalMs)
      let failure = try store.statistics().writeFailure
      if let failure, failure != reported {
        log.error("the store refuses writes", metadata: ["reason": "\(failure)"])
      }
      if let failure {
        reported = failure
        // Where the disk is still full, or the file wants to be opened anew, this fails again.
        guard (try? await store.resumeWriting()) != nil else { continue }
      }
      if reported != nil { log.notice("the store writes again") }
      reported = nil
    }
  }
}
