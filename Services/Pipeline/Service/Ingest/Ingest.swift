internal import CommonAPI
internal import ConsentAPI
internal import FeaturesAPI
package import Foundation
internal import PrivacyCore
package import RPC
internal import ServiceKit
internal import VaultAPI

/// Brings the rows of an export into the feature store: identifier to pid (vault), pid to receipt
/// (consent), event to store (features), batch by batch.
///
/// The file's rows are read and mapped while earlier batches are on their way; a batch counts when
/// the feature store has made it durable, and is then written into the checkpoint.
package final class Ingest {
  /// How many rows travel together, and how many batches at once.
  package struct Settings: Sendable {
    package var batchRowCount = 4_000
    package var batchesInFlight = 3

    package init() {}
  }

  private struct Outcome: Sendable {
    var accepted = 0
    var duplicates = 0
    var rejects: [(line: Int, reason: String)]
    var lastLine: Int
    var rowCount: Int
  }

  private let mapping: IngestMapping
  private let file: URL
  private let directory: URL
  private let sender: BatchSender
  private let settings: Settings

  /// Prepares the ingest of `file`; checkpoint and rejects are kept in `directory`.
  package init(
    file: URL, mapping: IngestMapping, directory: URL, vault: RPCClient, consent: RPCClient,
    features: RPCClient, settings: Settings = Settings()
  ) throws {
    self.file = file
    self.mapping = mapping
    self.directory = directory
    self.settings = settings
    sender = try BatchSender(
      mapping: mapping, vault: VaultClient(vault), consent: ConsentClient(consent),
      features: FeaturesClient(features))
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  /// The name of the file without directory and `.gz`.
  private var fileName: String {
    file.pathExtension == "gz"
      ? file.deletingPathExtension().lastPathComponent : file.lastPathComponent
  }

  /// Where refused rows are listed.
  package var rejectsURL: URL { directory.appending(path: "\(fileName).rejects.csv") }

  /// Where the position is kept.
  package var checkpointURL: URL { directory.appending(path: "\(fileName).checkpoint.json") }

  /// Reads the file from the last checkpoint to its end.
  ///
  /// - Parameter progress: called after each durable batch.
  package func run(
    progress: (IngestCheckpoint) -> Void = { _ in }
  ) async throws -> IngestCheckpoint {
    var checkpoint = try IngestCheckpoint.load(checkpointURL)
    if checkpoint.isComplete { return checkpoint }
    let rejects = try RejectsFile(rejectsURL, keeping: checkpoint.rejectsByteCount)
    var reader = try makeReader()
    let mapper = try RowMapper(mapping, columns: reader.columns, file: fileName)
    let resumeLine = checkpoint.line

    func settle(_ outcome: Outcome) throws {
      try rejects.add(outcome.rejects)
      checkpoint.line = outcome.lastLine
      checkpoint.rowCount += outcome.rowCount
      checkpoint.acceptedCount += outcome.accepted
      checkpoint.duplicateCount += outcome.duplicates
      for reject in outcome.rejects { checkpoint.refusals[reject.reason, default: 0] += 1 }
      checkpoint.rejectsByteCount = rejects.byteCount
      try checkpoint.save(checkpointURL)
      progress(checkpoint)
    }

    var inFlight: [Task<Outcome, any Error>] = []
    defer { inFlight.forEach { $0.cancel() } }
    while let batch = try nextBatch(of: &reader, mapper, behind: resumeLine) {
      if inFlight.count >= settings.batchesInFlight {
        try settle(try await inFlight.removeFirst().value)
      }
      let sender = sender
      inFlight.append(
        Task {
          var outcome = batch.outcome
          try await sender.send(batch.rows, into: &outcome)
          return outcome
        })
    }
    while !inFlight.isEmpty { try settle(try await inFlight.removeFirst().value) }
    checkpoint.isComplete = true
    try checkpoint.save(checkpointURL)
    return checkpoint
  }

  private func makeReader() throws -> any RecordReader {
    do {
      let source = try ByteSource(file)
      switch mapping.format {
      case .csv:
        let delimiter = mapping.delimiter?.utf8.first ?? UInt8(ascii: ",")
        return try CSVReader(source, delimiter: delimiter)
      case .jsonLines: return JSONLinesReader(source, columns: mapping.columns)
      }
    } catch let refusal as RowRefusal {
      throw CommandFailure("\(file.lastPathComponent): \(refusal.reason)")
    }
  }

  private func nextBatch(
    of reader: inout any RecordReader, _ mapper: RowMapper, behind line: Int
  ) throws -> (rows: [MappedRow], outcome: Outcome)? {
    var rows: [MappedRow] = []
    rows.reserveCapacity(settings.batchRowCount)
    var outcome = Outcome(rejects: [], lastLine: line, rowCount: 0)
    while outcome.rowCount < settings.batchRowCount, let record = try reader.next() {
      if record.line <= line { continue }
      outcome.rowCount += 1
      outcome.lastLine = record.line
      switch mapper.map(record) {
      case .success(let row): rows.append(row)
      case .failure(let refusal): outcome.rejects.append((record.line, refusal.reason))
      }
    }
    return outcome.rowCount == 0 ? nil : (rows, outcome)
  }

  /// Sends batches, remembering pids and receipts of people it has met in this run.
  private actor BatchSender {
    private enum Person {
      case known(pid: [UInt8], consentID: String)
      case refused(String)
    }

    private let mapping: IngestMapping
    private let vault: VaultClient
    private let consent: ConsentClient
    private let features: FeaturesClient
    private var people: [String: Person] = [:]

    init(
      mapping: IngestMapping, vault: VaultClient, consent: ConsentClient, features: FeaturesClient
    ) throws {
      self.mapping = mapping
      self.vault = vault
      self.consent = consent
      self.features = features
    }

    func send(_ rows: [MappedRow], into outcome: inout Outcome) async throws {
      try await meet(rows.map(\.identifier))
      var events: [Event] = []
      var lines: [Int] = []
      for row in rows {
        switch people[row.identifier.value] {
        case .known(let pid, let consentID):
          var event = row.event
          event.pid = pid
          event.consentID = consentID
          events.append(event)
          lines.append(row.line)
        case .refused(let reason): outcome.rejects.append((row.line, reason))
        case nil: outcome.rejects.append((row.line, "the vault gave no answer for this person"))
        }
      }
      guard !events.isEmpty else { return }
      let reply = try await write(events)
      outcome.accepted += Int(reply.written)
      outcome.duplicates += Int(reply.duplicates)
      for rejection in reply.rejections where Int(rejection.index) < lines.count {
        outcome.rejects.append((lines[Int(rejection.index)], rejection.reason))
      }
      outcome.rejects.sort { $0.line < $1.line }
    }

    /// Writes events. A feature store that cannot take them for a moment, because its gate has lost
    /// its lease or it is starting again, is asked again for a few seconds: the events' ids make
    /// that harmless.
    private func write(_ events: [Event]) async throws -> WriteReply {
      var pauseMs = 50
      while true {
        do {
          return try await features.writeEvents(
            WriteEventsRequest(source: mapping.source, events: events),
            options: CallOptions(timeoutMs: 120_000))
        } catch {
          guard error.code == .unavailable, pauseMs < 4_000 else { throw error }
        }
        try await Task.sleep(for: .milliseconds(pauseMs))
        pauseMs *= 2
      }
    }

    /// Learns the pid and the receipt of everyone in `identifiers` who is new to this run.
    private func meet(_ identifiers: [Identifier]) async throws {
      var unknown: [Identifier] = []
      var seen: Set<String> = []
      for identifier in identifiers
      where people[identifier.value] == nil && seen.insert(identifier.value).inserted {
        unknown.append(identifier)
      }
      for start in stride(from: 0, to: unknown.count, by: 4_096) {
        let part = Array(unknown[start..<min(start + 4_096, unknown.count)])
        // Looked up only: of people who allow nothing the vault learns nothing.
        let pseudonyms = try await pseudonymize(part, create: false)
        var found: [(identifier: Identifier, pseudonym: Pseudonym)] = []
        for (identifier, pseudonym) in zip(part, pseudonyms) {
          if pseudonym.pid.isEmpty || !pseudonym.refusal.isEmpty {
            people[identifier.value] = .refused(pseudonym.refusal)
          } else {
            found.append((identifier, pseudonym))
          }
        }
        let checks = try await consent.checkBatch(
          CheckBatchRequest(
            checks: found.map { CheckRequest(pid: $0.pseudonym.pid, scope: mapping.scope) }),
          options: CallOptions(timeoutMs: 60_000)
        ).replies
        var admitted: [String: Person] = [:]
        var newcomers: [Identifier] = []
        for (person, check) in zip(found, checks) {
          guard check.granted else {
            people[person.identifier.value] = .refused(
              "\(mapping.scope): \(check.reason.sentence)")
            continue
          }
          admitted[person.identifier.value] = .known(
            pid: person.pseudonym.pid, consentID: check.consentID)
          if !person.pseudonym.known { newcomers.append(person.identifier) }
        }
        // Their rows are sealed under subject keys, which the vault makes now.
        if !newcomers.isEmpty { _ = try await pseudonymize(newcomers, create: true) }
        // Only now: another batch, which runs while this one waits, must not write without a key.
        people.merge(admitted) { $1 }
      }
    }

    private func pseudonymize(
      _ identifiers: [Identifier], create: Bool
    ) async throws -> [Pseudonym] {
      try await vault.pseudonymize(
        PseudonymizeRequest(identifiers: identifiers, create: create),
        options: CallOptions(timeoutMs: 60_000)
      ).pseudonyms
    }
  }
}
