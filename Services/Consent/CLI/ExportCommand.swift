internal import ArgumentParser
internal import ConsentAPI
internal import Foundation
internal import RPC
internal import ServiceKit

/// `export`: all receipts in one of several formats.
struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write all receipts, in log order, in one of several formats.",
    discussion: """
      Formats:
        jsonl      a JSON object a line, which `import` takes
        seed-json  the same as one JSON list
        csv        RFC 4180 with all columns, which `import` takes
        ts27560    ISO/IEC TS 27560 receipts as JSON-LD with the terms of the W3C
                   group's Data Privacy Vocabulary, one a line
        kantara    Kantara consent receipts 1.1, JSON, one a line; only grants

      What ts27560 and kantara demand and a receipt does not hold (an address of the controller, \
      where data lies) comes from the issuer file of the service: `tacit-consent serve --issuer`. \
      Receipts that still lack something, or that the format cannot say, are left out, listed on \
      standard error with what is missing, and the exit status is 1; with --allow-gaps they are \
      written as far as that goes and do not claim to conform.

      On standard error it says where it ended; --after goes on from there.

      Examples:
        tacit-consent export > receipts.jsonl
        tacit-consent export --format csv --output receipts.csv
        tacit-consent export --format ts27560 --after 1200 > new.jsonld
      """)

  @Option(
    help: ArgumentHelp(
      "seed-json, jsonl, csv, ts27560 or kantara.", valueName: "format"))
  var format = ExportFormat.jsonLines
  @Option(
    help: ArgumentHelp("The file; standard output where it is left out.", valueName: "file"))
  var output: String?
  @Option(help: "Only receipts after this position of the log.") var after: UInt64 = 0
  @Flag(help: "Write receipts that lack what the format demands all the same.")
  var allowGaps = false
  @OptionGroup var client: ClientOptions

  /// Refusals that are told one by one; of more only the number.
  private static let refusalCountMax = 20

  func run() async throws {
    let handle = try outputHandle()
    var count = 0
    var refusedCount = 0
    var position = after
    let request = ExportRequest(
      afterSequence: after, form: format.form, allowGaps: allowGaps)
    let frame = format.frame
    try handle.write(contentsOf: Data(frame.begin.utf8))
    try await client.with(.consent) { connection in
      let chunks = try await ConsentClient(connection).export(request)
      var isFirst = true
      for try await chunk in chunks {
        var text = ""
        for line in chunk.lines {
          if !isFirst { text += frame.separator }
          isFirst = false
          text += line
        }
        try handle.write(contentsOf: Data(text.utf8))
        for refusal in chunk.refusals {
          refusedCount += 1
          guard refusedCount <= Self.refusalCountMax else { continue }
          standardError(
            "left out: position \(refusal.sequence), \(refusal.consentID): \(refusal.reason)")
        }
        // The line of the columns is no receipt.
        count += chunk.lines.count
        position = chunk.lastSequence
      }
      if !isFirst || format == .seedJSON { try handle.write(contentsOf: Data(frame.end.utf8)) }
    }
    if format == .csv, count > 0 { count -= 1 }
    if refusedCount > Self.refusalCountMax {
      standardError("left out: \(refusedCount - Self.refusalCountMax) more")
    }
    standardError(
      "exported \(count) receipts, up to position \(position)"
        + (refusedCount > 0 ? "; left out \(refusedCount)" : ""))
    if refusedCount > 0 { throw ExitCode(ExitStatus.failed) }
  }

  private func outputHandle() throws -> FileHandle {
    guard let output else { return .standardOutput }
    guard
      FileManager.default.createFile(
        atPath: output, contents: nil, attributes: [.posixPermissions: 0o600]),
      let handle = FileHandle(forWritingAtPath: output)
    else { throw CommandFailure("cannot write \(output)") }
    return handle
  }
}
