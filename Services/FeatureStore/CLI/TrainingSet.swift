internal import ArgumentParser
internal import FeaturesAPI
internal import Foundation
internal import PrivacyCore
internal import RPC
internal import ServiceKit

struct TrainingSet: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "training-set",
    abstract: "Write the consented features of everybody as JSON lines.",
    discussion: """
      Only people who allow --scope now are in it, and of each only the features whose own scope \
      they allow.

      Example: tacit-features training-set --scope analytics --output people.jsonl purchases:*
      """)

  @Argument(help: "Features as view:feature; view:* for a whole view.") var features: [String]
  @Option(help: "The scope a person must have allowed for learning.") var scope: String
  @Option(help: ArgumentHelp("As of what time; now.", valueName: "time"), transform: Reading.time)
  var asOf: Timestamp?
  @Option(help: "What it is for; written into the audit log.") var purpose = "command-line"
  @Option(help: "The file to write; standard output.") var output: String?
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let request = TrainingSetRequest(
      features: features, asOfUs: asOf?.microseconds ?? 0, scope: scope, purpose: purpose)
    let handle = try outputHandle()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var last = TrainingBatch()
    var count = 0
    try await client.with(.features) { connection in
      let bar = ProgressBar("people")
      defer { bar.finish() }
      let stream = try await FeaturesClient(connection).trainingSet(
        request, options: CallOptions(timeoutMs: 0))
      for try await batch in stream {
        for row in batch.rows {
          try handle.write(contentsOf: encoder.encode(RowJSON(row)) + Data("\n".utf8))
        }
        count += batch.rows.count
        last = batch
        bar.update(Double(batch.peopleSeen) / Double(max(1, batch.peopleTotal)))
      }
    }
    standardError("\(count) people written, \(last.peopleWithheld) of \(last.peopleTotal) withheld")
  }

  private func outputHandle() throws -> FileHandle {
    guard let output else { return .standardOutput }
    // What comes out is pseudonymous, but still about people: for its owner only.
    guard
      FileManager.default.createFile(
        atPath: output, contents: nil, attributes: [.posixPermissions: 0o600]),
      let handle = FileHandle(forWritingAtPath: output)
    else { throw CommandFailure("cannot write \(output)") }
    return handle
  }
}
