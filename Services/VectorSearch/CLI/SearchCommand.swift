internal import ArgumentParser
internal import Foundation
internal import ServiceKit
internal import VectorsAPI

/// `search`: the nearest vectors.
struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find the vectors nearest to one.",
    discussion: """
      The query is a JSON array of as many numbers as the collection's dimension, or @ and a file \
      with one. A larger score is nearer. In a collection of people only those are found who allow \
      its scope now; the answer says how many were passed over.

      Noise blurs the query before it is used. The answer says what that buys: little noise is a \
      utility-only setting and hides nobody.

      Examples:
        tacit-vectors search --collection songs --vector '[0.1,-0.4,0.9]' --k 5
        tacit-vectors search --collection tastes --vector @query.json \\
            --noise-sigma 0.5 --purpose lookalikes
      """)

  @Option(help: "The collection.") var collection: String
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The query: a JSON array, or @ and a file.", valueName: "array"))
  var vector: String
  @OptionGroup var ask: AskOptions
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    struct HitView: Encodable {
      let id: String
      let score: Float
    }

    let hits: [HitView]
    let withheld: UInt64
    let noise: NoiseView?
    let auditSequence: UInt64

    enum CodingKeys: String, CodingKey {
      case hits, withheld, noise
      case auditSequence = "audit_sequence"
    }
  }

  func run() async throws {
    let request = SearchRequest(
      collection: collection, vector: try values(), k: ask.k, noiseSigma: ask.noiseSigma,
      purpose: ask.purpose)
    let answer = try await client.with(.vectors) { connection in
      let vectors = VectorsClient(connection)
      let ids = try await VectorIDs.of(collection, in: vectors, options: client.callOptions)
      let reply = try await vectors.search(request, options: client.callOptions)
      return Answer(
        hits: reply.hits.map { Answer.HitView(id: ids.text(of: $0.id), score: $0.score) },
        withheld: reply.withheld, noise: reply.noise.map(NoiseView.init),
        auditSequence: reply.auditSequence)
    }
    if client.json { return try printJSON(answer) }
    var table = Table("rank", "id", "score")
    for (index, hit) in answer.hits.enumerated() {
      table.add("\(index + 1)", hit.id, String(format: "%.4f", hit.score))
    }
    if answer.hits.isEmpty { print("nothing was found") } else { table.show() }
    if answer.withheld > 0 {
      print("\(answer.withheld) people were passed over: they do not allow it now")
    }
    if let noise = answer.noise { print(noise.text) }
    print("audit entry \(answer.auditSequence)")
  }

  private func values() throws -> [Float] {
    var array = vector
    if vector.hasPrefix("@") {
      let path = String(vector.dropFirst())
      guard let content = try? String(contentsOf: URL(filePath: path), encoding: .utf8) else {
        throw CommandFailure("cannot read \(path)")
      }
      array = content
    }
    guard let values = try? decodeJSON([Float].self, from: array) else {
      throw CommandFailure("the query must be a JSON array of numbers such as [0.1,-0.4]")
    }
    return values
  }
}
