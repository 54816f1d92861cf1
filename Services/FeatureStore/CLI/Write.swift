internal import ArgumentParser
internal import CommonAPI
internal import FeaturesAPI
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

struct WriteRow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write one row of a view.",
    discussion: """
      The values are a JSON object. Direct identifiers are refused.

      Example: tacit-features write-row --view profile --pid ACY… --consent-id c_01… \
      '{"segment":"gold","score":0.7}'
      """)

  @Option(help: "The view.") var view: String
  @OptionGroup var person: PersonOption
  @Option(help: "The receipt under which it is kept.") var consentID: String
  @Option(
    help: ArgumentHelp("What time it speaks of; now.", valueName: "time"), transform: Reading.time)
  var time: Timestamp?
  @Argument(help: "The values, as a JSON object.") var values: String
  @OptionGroup var client: ClientOptions

  func run() async throws {
    guard let fields = try? decodeJSON([String: JSONValue].self, from: values)
    else { throw ValidationError("the values must be a JSON object such as {\"score\":0.7}") }
    let row = Row(
      pid: person.pid.bytes, consentID: consentID,
      eventTimeUs: (time ?? SystemTime().now).microseconds,
      fields: fields.sorted { $0.key < $1.key }
        .map { Field(name: $0.key, value: $0.value.message) })
    let reply = try await client.with(.features) {
      try await FeaturesClient($0).writeRows(
        WriteRowsRequest(view: view, rows: [row]), options: client.callOptions)
    }
    if let rejection = reply.rejections.first { throw CommandFailure(rejection.reason) }
    print(reply.written == 1 ? "written" : "known already")
  }
}

struct WriteEvents: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the events of a file of JSON lines.",
    discussion: """
      One event a line:

        {"pid":"…","consent_id":"c_…","event_id":"…",
         "time":"2026-01-10T12:34:56Z","fields":{"item":"85123A","amount":15.3}}

      An event id is taken once for a person and source, so that a file can be sent again after an \
      interruption. Lines that are refused go to standard error with their number and the reason.

      Example: tacit-features write-events --source orders events.jsonl
      """)

  @Option(help: "The event source.") var source: String
  @Argument(help: "The file; - is standard input.") var file: String
  @Option(help: "How many events go into one call, 1 to 10,000.") var batch = 5_000
  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard (1...10_000).contains(batch) else { throw ValidationError("--batch is 1 to 10000") }
  }

  private struct Line: Decodable {
    enum CodingKeys: String, CodingKey {
      case pid, time, fields
      case consentID = "consent_id"
      case eventID = "event_id"
    }

    let pid: String
    let consentID: String
    let eventID: String
    let time: String
    let fields: [String: JSONValue]?
  }

  func run() async throws {
    var total = WriteReply()
    let rejects = RejectList(path: nil)
    try await client.with(.features) { connection in
      let features = FeaturesClient(connection)
      var lines = try LineReader(path: file)
      let bar = ProgressBar("events")
      defer { bar.finish() }
      while let chunk = try lines.next(countMax: batch, byteCountMax: 2 << 20) {
        var events: [(line: Int, event: Event)] = []
        for line in chunk {
          do {
            events.append((line.number, try event(of: line.text)))
          } catch {
            try rejects.add([(line.number, text(of: error))])
          }
        }
        let reply = try await features.writeEvents(
          WriteEventsRequest(source: source, events: events.map(\.event)),
          options: client.callOptions)
        total.written += reply.written
        total.duplicates += reply.duplicates
        try rejects.add(
          reply.rejections.filter { Int($0.index) < events.count }
            .map { (line: events[Int($0.index)].line, reason: $0.reason) })
        if let fraction = lines.fraction { bar.update(fraction, note: "\(total.written) written") }
      }
    }
    if client.json {
      try printJSON([
        "written": Int(total.written), "duplicates": Int(total.duplicates),
        "refused": rejects.count,
      ])
    } else {
      print("\(total.written) written, \(total.duplicates) known already, \(rejects.count) refused")
    }
    if rejects.count > 0 { throw ExitCode(ExitStatus.failed) }
  }

  private func event(of text: String) throws -> Event {
    let line = try decodeJSON(Line.self, from: text)
    return Event(
      pid: try Reading.pid(line.pid).bytes, consentID: line.consentID, eventID: line.eventID,
      eventTimeUs: try Reading.time(line.time).microseconds,
      fields: (line.fields ?? [:]).sorted { $0.key < $1.key }
        .map { Field(name: $0.key, value: $0.value.message) })
  }
}
