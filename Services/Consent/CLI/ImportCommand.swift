internal import ArgumentParser
internal import ConsentAPI
internal import Foundation
internal import RPC
internal import ServiceKit

/// `import`: receipts from JSON lines.
struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Record the receipts in a file of JSON lines.",
    discussion: """
      One receipt a line, in the form `export` writes:

        {"consent_id":"c_01KE…","user_id_hashed":"hmac:sha256:…",
         "scopes":["product_recs"],"granted_at":"2026-01-10T12:34:56Z",
         "expires_at":"2028-01-10T12:34:56Z","source":"web-portal:v2","version":2}

      A withdrawal has "kind":"withdrawal" and no expiry. Lines that are refused are listed with \
      number and reason in the rejects file (never with their content), and the rest is recorded. \
      The command can be repeated: what is there already is counted as duplicate. Empty lines are \
      passed over.

      Examples:
        tacit-consent import receipts.jsonl
        zcat receipts.jsonl.gz | tacit-consent import - --rejects refused.tsv
      """)

  @Argument(help: "The file; - is standard input.") var file: String
  @Option(help: "Where refused lines are listed; <file>.rejects.tsv.") var rejects: String?
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let accepted: UInt64
    let duplicates: UInt64
    let rejected: UInt64
    let rejectsFile: String?

    enum CodingKeys: String, CodingKey {
      case accepted, duplicates, rejected
      case rejectsFile = "rejects_file"
    }
  }

  func run() async throws {
    var reader = try LineReader(path: file)
    let byteCount = reader.byteCount
    let rejectsPath = rejects ?? (file == "-" ? "import.rejects.tsv" : file + ".rejects.tsv")
    let list = RejectList(path: rejectsPath)
    let bar = ProgressBar("import")
    var last = ImportProgress()
    try await client.with(.consent) { connection in
      let stream = try await ConsentClient(connection).import()
      // Replies are read while lines are sent: the server stops reading when nobody takes them.
      async let replies: ImportProgress = {
        var last = ImportProgress()
        for try await progress in stream.replies {
          last = progress
          try list.add(progress.rejects)
        }
        return last
      }()
      while let chunk = try reader.nextChunk() {
        do {
          try await stream.send(chunk)
        } catch {
          // The replies say why the service ended the call.
          break
        }
        if byteCount > 0 {
          bar.update(
            Double(reader.readByteCount) / Double(byteCount),
            note: "\(chunk.firstLine + UInt64(chunk.lines.count) - 1) lines")
        }
      }
      try? await stream.finish()
      last = try await replies
    }
    bar.finish()
    try show(last, rejectsFile: list.isEmpty ? nil : rejectsPath)
  }

  private func show(_ progress: ImportProgress, rejectsFile: String?) throws {
    if client.json {
      try printJSON(
        Answer(
          accepted: progress.accepted, duplicates: progress.duplicates,
          rejected: progress.rejected, rejectsFile: rejectsFile))
    } else {
      var table = Table("recorded", "there already", "refused")
      table.add("\(progress.accepted)", "\(progress.duplicates)", "\(progress.rejected)")
      table.show()
    }
    if let rejectsFile {
      standardError("the refused lines and the reasons are listed in \(rejectsFile)")
      throw ExitCode(ExitStatus.failed)
    }
  }
}
