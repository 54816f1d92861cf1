internal import ArgumentParser
internal import Foundation
internal import Pipeline
internal import RPC
internal import ServiceKit

struct IngestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest",
    abstract: "Bring the rows of CRM exports into the feature store.",
    discussion: """
      Reads CSV or JSON lines (also .gz) as a mapping file says. For each row the vault turns the \
      identifier into a pid, the consent service says under which receipt it may be kept, and the \
      feature store takes the event. Rows that are refused are listed with line number and \
      reason, never with a value, in <work>/<file>.rejects.csv.

      An interrupted run goes on where it stopped; every event id is taken once, so that nothing \
      is counted twice. To read a file again from its first line, use --again: what is there \
      already is counted as duplicate.

      Example:
        tacit ingest --mapping Examples/online-retail/mapping.yaml \\
            online_retail.csv.gz
      """)

  @Argument(help: "The files, in the order they are read.") var files: [String]
  @Option(help: "The mapping file (YAML).") var mapping: String
  @Option(help: "The directory of checkpoints and rejects.") var work = "var/ingest"
  @Flag(help: "Forget the checkpoint and read the file from its first line.") var again = false
  @OptionGroup var identity: IdentityOptions

  func run() async throws {
    let mapping = try IngestMapping(contentsOf: URL(filePath: mapping))
    let vault = try identity.client(of: .vault)
    let consent = try identity.client(of: .consent)
    let features = try identity.client(of: .features)
    var table = Table("file", "rows", "written", "there already", "refused")
    var refusals: [String: Int] = [:]
    for file in files {
      let ingest = try Ingest(
        file: URL(filePath: file), mapping: mapping, directory: URL(filePath: work), vault: vault,
        consent: consent, features: features)
      if again { try? FileManager.default.removeItem(at: ingest.checkpointURL) }
      let bar = ProgressBar(URL(filePath: file).lastPathComponent)
      let result = try await ingest.run { checkpoint in
        bar.update(.nan, note: "\(checkpoint.rowCount) rows")
      }
      bar.finish()
      table.add(
        file, "\(result.rowCount)", "\(result.acceptedCount)", "\(result.duplicateCount)",
        "\(result.refusedCount)")
      refusals.merge(result.refusals, uniquingKeysWith: +)
      if result.refusedCount > 0 { standardError("refused rows: \(ingest.rejectsURL.path)") }
    }
    table.show()
    for (reason, count) in refusals.sorted(by: { $0.value > $1.value }) {
      print("  \(count) refused: \(reason)")
    }
    for client in [vault, consent, features] { await client.close() }
  }
}
