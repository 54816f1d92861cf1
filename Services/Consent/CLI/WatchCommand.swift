internal import ArgumentParser
internal import ConsentAPI
internal import Foundation
internal import PrivacyCore
internal import RPC
internal import ServiceKit

/// `watch`: the change feed.
struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Show each change of consent, once and in order.",
    discussion: """
      Ends at the newest change; with --follow it goes on with those to come, until it is \
      interrupted. With --json each change is one line. --after goes on behind a position; the \
      epoch that is told on standard error belongs to it. After the log was restored from a backup \
      it has another one: then --after with --epoch is refused, and the feed must be read anew.

      Example:
        tacit-consent watch --after 1200 --follow --json
      """)

  @Option(help: "Only changes after this position of the log.") var after: UInt64 = 0
  @Option(help: "The epoch of the log that the position belongs to.") var epoch: UInt64 = 0
  @Flag(help: "Go on with changes to come.") var follow = false
  @OptionGroup var client: ClientOptions

  func run() async throws {
    try await client.with(.consent) { connection in
      let batches = try await ConsentClient(connection).watch(
        WatchRequest(afterSequence: after, follow: follow, epoch: epoch))
      var told: UInt64 = 0
      for try await batch in batches {
        if batch.epoch != told { standardError("the log's epoch is \(batch.epoch)") }
        told = batch.epoch
        for receipt in batch.changes { try show(ReceiptView(receipt)) }
        // A reader at the other end of a pipe sees a change when it happens.
        fflush(nil)
      }
    }
  }

  private func show(_ receipt: ReceiptView) throws {
    if client.json { return print(try jsonLine(receipt)) }
    let scopes = receipt.kind == "erasure" ? "all" : receipt.subject
    print(
      "\(receipt.sequence)  \(receipt.recordedAt)  \(receipt.kind)  \(receipt.userIDHashed)  \(scopes)"
    )
  }
}
