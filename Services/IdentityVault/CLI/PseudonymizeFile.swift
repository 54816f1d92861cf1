internal import Foundation
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import Synchronization
internal import VaultAPI

/// Sends the identifiers of a file through the vault and writes what comes back, in the order of
/// the lines and in bounded memory: the service stops reading when nobody takes its replies.
struct PseudonymizeFile {
  /// How many lines go into one request.
  private static let batchLineCount = 1_000

  let lines: IdentifierLines
  let domain: String
  let create: Bool
  let both: Bool
  let output: PseudonymOutput

  /// Does the whole file, and says on standard error how it ended.
  func run(_ vault: VaultClient) async throws {
    let waiting = WaitingBatches()
    let output = output
    let bar = ProgressBar("pseudonymize")
    defer { bar.finish() }
    let stream = try await vault.pseudonymizeStream()
    do {
      async let replies: Void = {
        for try await reply in stream.replies {
          try output.write(reply, for: waiting.removeFirst())
        }
      }()
      try await send(on: stream, waiting: waiting, bar: bar)
      try await replies
    } catch {
      stream.cancel()
      bar.finish()
      let extent =
        output.lastLine == 0 ? "no line was done" : "lines up to \(output.lastLine) were done"
      throw CommandFailure("\(text(of: error)); \(extent)")
    }
    bar.finish()
    standardError("\(output.pidCount) pids, \(output.refusedCount) lines refused")
  }

  private func send(
    on stream: ClientStream<PseudonymizeRequest, PseudonymizeReply>, waiting: WaitingBatches,
    bar: ProgressBar
  ) async throws {
    var lines = lines
    // A bar between the lines of a terminal would be no help.
    let showsBar = isatty(STDOUT_FILENO) == 0
    while let batch = try lines.next(countMax: Self.batchLineCount) {
      waiting.append(batch.map(SentLine.init))
      do {
        try await stream.send(
          PseudonymizeRequest(
            domain: domain, identifiers: batch.compactMap { try? $0.content.get() },
            create: create, both: both))
      } catch {
        // The replies say why the service ended the call.
        return
      }
      if showsBar, let fraction = lines.fraction {
        bar.update(fraction, note: "\(batch.last?.number ?? 0) lines")
      }
    }
    try? await stream.finish()
  }
}

/// A line whose identifier is on its way, or that was refused before.
struct SentLine: Sendable {
  let number: Int
  let refusal: String?

  init(_ entry: IdentifierLines.Entry) {
    number = entry.number
    refusal = if case .failure(let failure) = entry.content { failure.description } else { nil }
  }
}

/// The batches that the service has not answered yet, oldest first.
private final class WaitingBatches: Sendable {
  private let batches = Mutex<[[SentLine]]>([])

  func append(_ batch: [SentLine]) { batches.withLock { $0.append(batch) } }

  func removeFirst() throws -> [SentLine] {
    guard let first = batches.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else {
      throw CommandFailure("the service answered more often than it was asked")
    }
    return first
  }
}
