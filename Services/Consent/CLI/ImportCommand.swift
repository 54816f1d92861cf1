internal import ArgumentParser
internal import ConsentAPI
internal import ConsentService
internal import Foundation
internal import RPC
internal import ServiceKit

/// `import`: receipts from a file.
struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Record the receipts in a file of JSON or CSV.",
    discussion: """
      Formats:
        seed-json  one JSON list of receipts, or objects one after the other (.json)
        jsonl      a JSON object a line (.jsonl, .ndjson)
        csv        RFC 4180, with a line of column names (.csv)

      A receipt in JSON, and the same in CSV:

        {"consent_id":"c_01KE…","user_id_hashed":"hmac:sha256:…",
         "scopes":["product_recs"],"granted_at":"2026-01-10T12:34:56Z",
         "expires_at":"2028-01-10T12:34:56Z","source":"web-portal:v2","version":2}

        consent_id,user_id_hashed,scopes,granted_at,expires_at,source,version
        c_01KE…,hmac:sha256:…,product_recs;analytics,2026-01-10T12:34:56Z,…

      A withdrawal has the kind "withdrawal" and no expiry. What is refused is listed in the rejects \
      file: line, reason and the text as it stands in the file, so that what is mended there can be \
      imported again; keep it as safe as the file itself. The rest is recorded, and durable when the \
      command ends. It can be repeated: what is there already counts as duplicate. Empty lines are \
      passed over. The exit status is 1 where something was refused.

      Examples:
        tacit-consent import receipts.jsonl
        tacit-consent import crm.csv.gz --rejects refused.tsv
        zcat old/*.gz | tacit-consent import - --format jsonl --rejects refused.tsv
        cut -f3- refused.tsv > mended.csv   # mend it, then import it again
      """)

  @Argument(help: "The file; - is standard input; .gz is decompressed.") var file: String
  @Option(
    help: ArgumentHelp(
      "seed-json, jsonl or csv; else by the name's ending.", valueName: "format"))
  var format: ReceiptFileFormat?
  @Option(
    help: ArgumentHelp(
      "Where refused receipts are listed, with their texts; <file>.rejects.tsv.",
      valueName: "file"))
  var rejects: String?
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
    guard let format = format ?? ReceiptFileFormat(certainOf: file) else {
      throw ValidationError(
        "the name does not say what format it is; say --format "
          + ReceiptFileFormat.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let rejectsPath = rejects ?? (file == "-" ? "import.rejects.tsv" : file + ".rejects.tsv")
    let list = ImportRejects(path: rejectsPath)
    let bar = ProgressBar("import")
    let work = ReceiptImport(file, format: format, rejects: list) { fraction, line in
      if let fraction { bar.update(fraction, note: "\(line) lines") }
    }
    let outcome = try await client.with(.consent) { connection in
      try await work.run(ConsentClient(connection))
    }
    bar.finish()
    try show(outcome, rejectsFile: list.count == 0 ? nil : rejectsPath)
  }

  private func show(_ outcome: ReceiptImport.Outcome, rejectsFile: String?) throws {
    if client.json {
      try printJSON(
        Answer(
          accepted: outcome.accepted, duplicates: outcome.duplicates,
          rejected: outcome.rejected, rejectsFile: rejectsFile))
    } else {
      var table = Table("recorded", "there already", "refused")
      table.add("\(outcome.accepted)", "\(outcome.duplicates)", "\(outcome.rejected)")
      table.show()
    }
    if let rejectsFile {
      standardError("what was refused, and why, is listed in \(rejectsFile)")
      throw ExitCode(ExitStatus.failed)
    }
  }
}
