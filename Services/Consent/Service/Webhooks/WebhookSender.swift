internal import ConsentAPI
internal import HTTP
internal import Cryptography
internal import Logging
internal import PrivacyCore
internal import Synchronization

/// Makes the changes of the log known to the systems outside, each at its own pace: in log order
/// for each person, at least once. Where a system stands is durable.
final class WebhookSender: Sendable {
  let ledger: ConsentLedger
  let settings: WebhookSettings
  let time: any TimeSource
  private let roster: GateRoster
  private let key: @Sendable (String) throws -> HMACKey
  private let log: Logger
  private let failures = Mutex<[String: String]>([:])

  /// - Parameter key: the key of the signatures for the system of this name.
  init(
    ledger: ConsentLedger, roster: GateRoster, settings: WebhookSettings, time: any TimeSource,
    log: Logger, key: @escaping @Sendable (String) throws -> HMACKey
  ) {
    self.ledger = ledger
    self.roster = roster
    self.settings = settings
    self.time = time
    self.log = log
    self.key = key
  }

  /// Why the last attempt at a system failed; `nil` where it did not.
  func lastFailure(of id: String) -> String? { failures.withLock { $0[id] } }

  /// Notes how an attempt went.
  func note(_ failure: String?, of id: String) { failures.withLock { $0[id] = failure } }

  /// Tells that a system was added or removed, or that dead letters are to be sent again.
  func notify() { roster.logGrew.notify() }

  /// Sends until the task is cancelled.
  func run() async throws {
    var running: [String: Task<Void, Never>] = [:]
    defer { for task in running.values { task.cancel() } }
    while true {
      let generation = roster.logGrew.generation
      let webhooks = try ledger.webhooks().compactMap(\.webhook)
      for (id, task) in running where !webhooks.contains(where: { $0.id == id }) {
        task.cancel()
        await task.value
        running[id] = nil
      }
      for webhook in webhooks where running[webhook.id] == nil {
        guard let address = HTTPAddress(webhook.url) else { continue }
        running[webhook.id] = Task { await self.serve(webhook.id, at: address) }
      }
      try await roster.logGrew.wait(after: generation)
    }
  }

  /// Serves one system until it is removed or the task is cancelled.
  private func serve(_ id: String, at address: HTTPAddress) async {
    while !Task.isCancelled {
      do {
        return try await attend(id, at: address)
      } catch is CancellationError {
        return
      } catch {
        // The store refuses writes, say: nothing is lost, the position stands.
        note("\(error)", of: id)
        log.error("a webhook is not served", metadata: ["webhook": "\(id)", "reason": "\(error)"])
        try? await time.sleep(milliseconds: Self.pauseMs)
      }
    }
  }

  /// How long a system is left alone after a failure of this service's own.
  private static let pauseMs = 1_000

  private func attend(_ id: String, at address: HTTPAddress) async throws {
    let delivery = try WebhookDelivery(id, to: address, key: key(id), for: self)
    defer { delivery.close() }
    while !Task.isCancelled {
      let generation = roster.logGrew.generation
      switch try await delivery.round() {
      case .removed: return
      case .more: continue
      case .idle: try await roster.logGrew.wait(after: generation)
      }
    }
  }
}
