internal import ArgumentParser
internal import ConsentAPI
internal import Foundation
internal import RPC
internal import ServiceKit

/// `export`: all receipts as JSON lines.
struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write all receipts to standard output, one JSON object a line.",
    discussion: """
      In log order, in the form `import` takes. On standard error it says where it ended; --after \
      goes on from there.

      Example:
        tacit-consent export > receipts.jsonl
      """)

  @Option(help: "Only receipts after this position of the log.") var after: UInt64 = 0
  @OptionGroup var client: ClientOptions

  func run() async throws {
    var count = 0
    var position = after
    try await client.with(.consent) { connection in
      let chunks = try await ConsentClient(connection).export(ExportRequest(afterSequence: after))
      for try await chunk in chunks {
        let text = chunk.lines.map { $0 + "\n" }.joined()
        try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        count += chunk.lines.count
        position = chunk.lastSequence
      }
    }
    standardError("exported \(count) receipts, up to position \(position)")
  }
}
