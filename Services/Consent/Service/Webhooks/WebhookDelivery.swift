internal import ConsentAPI
internal import HTTP
internal import Cryptography
internal import PrivacyCore
internal import Synchronization

/// The way to one system outside.
///
/// A change that is given up holds up the later changes of its person: they join it among the dead
/// letters, so that the system never learns of a person's changes out of order.
final class WebhookDelivery: Sendable {
  /// What there is to do after a round.
  enum Step {
    case more, idle, removed
  }

  /// One change of a person on its way.
  private struct Item: Sendable {
    let receipt: Receipt
    /// How often it was tried in earlier rounds.
    let attempts: UInt32
  }

  private struct Outcome: Sendable {
    var taken: [UInt64] = []
    var dead: [NumberedLetter] = []
  }

  private let id: String
  private let key: HMACKey
  private let sender: WebhookSender
  private let clients: [HTTPClient]
  private var settings: WebhookSettings { sender.settings }
  private var ledger: ConsentLedger { sender.ledger }

  /// The queues that no lane has taken yet.
  private final class Waiting: Sendable {
    private let queues: Mutex<ArraySlice<[Item]>>

    init(_ queues: [[Item]]) { self.queues = Mutex(queues[...]) }

    func next() -> [Item]? { queues.withLock { $0.popFirst() } }
  }

  private static let waitsBehind = "it waits behind an earlier change of the same person"

  init(
    _ id: String, to address: HTTPAddress, key: HMACKey, for sender: WebhookSender
  ) throws {
    self.id = id
    self.key = key
    self.sender = sender
    var clients: [HTTPClient] = []
    for _ in 0..<max(1, sender.settings.laneCount) { clients.append(try HTTPClient(address)) }
    self.clients = clients
  }

  func close() { for client in clients { client.close() } }

  /// Sends what is to be sent again, then the next changes of the log.
  func round() async throws -> Step {
    guard let progress = try ledger.webhooks().first(where: { $0.webhook?.id == id }) else {
      return .removed
    }
    let letters = try ledger.deadLetters(of: id)
    if letters.contains(where: \.letter.isResumed) {
      return try await sendAgain(letters, settled: progress.settledSequence)
    }
    let receipts = try ledger.receipts(
      after: progress.settledSequence, limit: settings.batchCount)
    guard let last = receipts.last?.sequence else { return .idle }
    var blocked = try people(of: letters.map(\.sequence))
    var open: [Item] = []
    var waiting: [NumberedLetter] = []
    for receipt in receipts {
      // A renaming is the last change under the former pid and the first one under the new one.
      if blocked.contains(receipt.pid) || blocked.contains(receipt.formerPid) {
        blocked.insert(receipt.pid)
        waiting.append(letter(receipt.sequence, 0, Self.waitsBehind))
      } else {
        open.append(Item(receipt: receipt, attempts: 0))
      }
    }
    var outcome = await deliver(queues(open))
    outcome.dead += waiting
    // What was not tried to the end is not settled.
    try Task.checkCancellation()
    return try await ledger.settle(id, through: last, dead: outcome.dead) ? .more : .removed
  }

  private func sendAgain(
    _ letters: [NumberedLetter], settled: UInt64
  ) async throws -> Step {
    let receipts = try ledger.receipts(at: letters.map(\.sequence))
    let items = zip(receipts, letters).map {
      Item(receipt: $0, attempts: $1.letter.attempts)
    }
    let outcome = await deliver(queues(items))
    try Task.checkCancellation()
    return try await ledger.settle(id, through: settled, dead: outcome.dead, taken: outcome.taken)
      ? .more : .removed
  }

  private func people(of sequences: [UInt64]) throws -> Set<[UInt8]> {
    Set(try ledger.receipts(at: sequences).map(\.pid))
  }

  /// The changes of each person in log order, under whatever pids.
  private func queues(_ items: some Sequence<Item>) -> [[Item]] {
    var queues: [[UInt8]: [Item]] = [:]
    // Whose queue the changes of somebody join who was renamed among `items`.
    var earlier: [[UInt8]: [UInt8]] = [:]
    for item in items {
      let (pid, former) = (item.receipt.pid, item.receipt.formerPid)
      if !former.isEmpty { earlier[pid] = earlier[former] ?? former }
      queues[earlier[pid] ?? pid, default: []].append(item)
    }
    return queues.values.sorted {
      ($0.first?.receipt.sequence ?? 0) < ($1.first?.receipt.sequence ?? 0)
    }
  }

  /// Sends each queue in its order, as many at a time as there are lanes.
  private func deliver(_ queues: [[Item]]) async -> Outcome {
    let waiting = Waiting(queues)
    return await withTaskGroup(of: Outcome.self) { group in
      for client in clients.prefix(queues.count) {
        group.addTask {
          var outcome = Outcome()
          while let queue = waiting.next(), !Task.isCancelled {
            await self.send(queue, over: client, &outcome)
          }
          return outcome
        }
      }
      return await group.reduce(into: Outcome()) {
        $0.taken += $1.taken
        $0.dead += $1.dead
      }
    }
  }

  private func send(
    _ queue: [Item], over client: HTTPClient, _ outcome: inout Outcome
  ) async {
    for (index, item) in queue.enumerated() {
      guard let failure = await send(item, over: client) else {
        outcome.taken.append(item.receipt.sequence)
        continue
      }
      let attempts = item.attempts + UInt32(settings.attemptCountMax)
      outcome.dead.append(letter(item.receipt.sequence, attempts, failure))
      for later in queue[(index + 1)...] {
        outcome.dead.append(
          letter(later.receipt.sequence, later.attempts, Self.waitsBehind))
      }
      return
    }
  }

  /// Tries until it is taken. Answers why it is given up; `nil` where it was taken.
  private func send(_ item: Item, over client: HTTPClient) async -> String? {
    let message = WebhookMessage(item.receipt)
    var waitMs = settings.retryMsMin
    for attempt in 1...settings.attemptCountMax {
      let failure: String
      do {
        let headers = try message.headers(of: id, at: sender.time.now, key: key)
        let status = try await client.send(
          HTTPRequest(.post, headers: headers, body: message.body), timeoutMs: settings.answerMs
        ).status
        if (200..<300).contains(status) {
          sender.note(nil, of: id)
          return nil
        }
        failure = "the answer was \(status)"
      } catch {
        failure = "\(error)"
      }
      sender.note(failure, of: id)
      guard attempt < settings.attemptCountMax else { return failure }
      let jitterMs = Int(ledger.random.word() % UInt64(waitMs / 4 + 1))
      do {
        try await sender.time.sleep(milliseconds: waitMs + jitterMs)
      } catch {
        return failure
      }
      waitMs = min(waitMs * 2, settings.retryMsMax)
    }
    return nil
  }

  private func letter(
    _ sequence: UInt64, _ attempts: UInt32, _ reason: String
  ) -> NumberedLetter {
    NumberedLetter(
      sequence: sequence,
      letter: StoredDeadLetter(
        attempts: attempts, reason: reason, givenUpAtUs: sender.time.now.microseconds))
  }
}
