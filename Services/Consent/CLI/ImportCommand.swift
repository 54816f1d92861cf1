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

  /// How many lines a chunk may have.
  private static let chunkLineCount = 2_000
  /// No further line is put into a chunk of so many bytes: a message has its limit.
  private static let chunkByteCount = 1 << 20

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
          try list.add(progress.rejects.map { (line: Int($0.line), reason: $0.reason) })
        }
        return last
      }()
      sending: while let lines = try reader.next(
        countMax: Self.chunkLineCount, byteCountMax: Self.chunkByteCount)
      {
        for chunk in ImportChunk.chunks(of: lines) {
          do {
            try await stream.send(chunk)
          } catch {
            // The replies say why the service ended the call.
            break sending
          }
        }
        if let fraction = reader.fraction {
          bar.update(fraction, note: "\(lines.last?.number ?? 0) lines")
        }
      }
      try? await stream.finish()
      last = try await replies
    }
    bar.finish()
    try show(last, rejectsFile: list.count == 0 ? nil : rejectsPath)
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

extension ImportChunk {
  /// The lines in chunks of those that stand directly below each other.
  fileprivate static func chunks(of lines: [LineReader.Line]) -> [ImportChunk] {
    var chunks: [ImportChunk] = []
    var next: Int?
    for line in lines {
      if line.number != next { chunks.append(ImportChunk(firstLine: UInt64(line.number))) }
      chunks[chunks.count - 1].lines.append(line.text)
      next = line.number + 1
    }
    return chunks
  }
}
