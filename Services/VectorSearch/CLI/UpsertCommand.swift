internal import ArgumentParser
internal import CommonAPI
internal import ServiceKit
internal import VectorsAPI

/// `upsert`: writes vectors.
struct UpsertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upsert",
    abstract: "Write the vectors of a file of JSON lines; an id that is there is replaced.",
    discussion: """
      One vector a line:

        {"id":"85123A","vector":[0.1,-0.4,…]}
        {"id":"ACY…","vector":[0.1,-0.4,…],"consent_id":"c_01KE…"}

      In a collection of items the id is the item's code. In a collection of people it is the pid, \
      and the receipt under which the vector is kept must be named.

      What is refused is listed by line number and reason, never with its content, and the rest is \
      written. The command can be repeated after an interruption.

      Examples:
        tacit-vectors upsert --collection songs songs.jsonl
        zcat tastes.jsonl.gz | tacit-vectors upsert --collection tastes - \\
            --rejects refused.tsv
      """)

  /// Vectors of one call together: below the 4 MiB that a message may have.
  private static let batchByteCountMax = 3 << 20
  /// Vectors of one call.
  private static let batchCountMax = 10_000

  @Option(help: "The collection.") var collection: String
  @Argument(help: "The file; - is standard input.") var file: String
  @Option(help: "Where refused lines are listed; standard error.") var rejects: String?
  @OptionGroup var client: ClientOptions

  private struct Line: Decodable {
    let id: String
    let vector: [Float]
    let consentID: String?

    enum CodingKeys: String, CodingKey {
      case id, vector
      case consentID = "consent_id"
    }
  }

  private struct Answer: Encodable {
    let written: UInt64
    let refused: Int
    let rejectsFile: String?

    enum CodingKeys: String, CodingKey {
      case written, refused
      case rejectsFile = "rejects_file"
    }
  }

  /// Vectors that are sent together, each with its line.
  private struct Batch {
    var vectors: [Vector] = []
    var lines: [Int] = []
    var byteCount = 0
  }

  func run() async throws {
    var reader = try LineReader(path: file)
    let list = RejectList(path: rejects)
    let bar = ProgressBar("vectors")
    defer { bar.finish() }
    var written: UInt64 = 0
    try await client.with(.vectors) { connection in
      let vectors = VectorsClient(connection)
      let ids = try await VectorIDs.of(collection, in: vectors, options: client.callOptions)
      var batch = Batch()
      while let lines = try reader.next(countMax: Self.batchCountMax, byteCountMax: 1 << 20) {
        for line in lines {
          let vector: Vector
          do {
            vector = try Self.vector(of: line.text, ids)
          } catch {
            try list.add([(line.number, text(of: error))])
            continue
          }
          if batch.vectors.count == Self.batchCountMax
            || batch.byteCount + vector.byteCount > Self.batchByteCountMax
          {
            written += try await send(batch, to: vectors, list)
            batch = Batch()
            if let fraction = reader.fraction { bar.update(fraction, note: "\(written) written") }
          }
          batch.vectors.append(vector)
          batch.lines.append(line.number)
          batch.byteCount += vector.byteCount
        }
      }
      if !batch.vectors.isEmpty { written += try await send(batch, to: vectors, list) }
    }
    bar.finish()
    try show(
      Answer(written: written, refused: list.count, rejectsFile: list.count == 0 ? nil : rejects))
  }

  private static func vector(of text: String, _ ids: VectorIDs) throws -> Vector {
    let line = try decodeJSON(Line.self, from: text)
    return Vector(
      id: try ids.bytes(of: line.id), values: line.vector, consentID: line.consentID ?? "")
  }

  private func send(
    _ batch: Batch, to vectors: VectorsClient, _ list: RejectList
  ) async throws -> UInt64 {
    let reply = try await vectors.upsert(
      UpsertRequest(collection: collection, vectors: batch.vectors), options: client.callOptions)
    try list.add(
      reply.rejections.filter { Int($0.index) < batch.lines.count }
        .map { (line: batch.lines[Int($0.index)], reason: $0.reason) })
    return UInt64(reply.written)
  }

  private func show(_ answer: Answer) throws {
    if client.json {
      try printJSON(answer)
    } else {
      print("\(answer.written) written, \(answer.refused) refused")
    }
    if let rejectsFile = answer.rejectsFile {
      standardError("the refused lines and the reasons are listed in \(rejectsFile)")
    }
    if answer.refused > 0 { throw ExitCode(ExitStatus.failed) }
  }
}

extension Vector {
  /// About as many bytes as it has in a message.
  fileprivate var byteCount: Int { 4 * values.count + id.count + consentID.utf8.count + 24 }
}
