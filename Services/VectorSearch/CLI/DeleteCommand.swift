internal import ArgumentParser
internal import ServiceKit
internal import VectorsAPI

/// `delete`: removes vectors.
struct DeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete",
    abstract: "Remove vectors from a collection.",
    discussion: """
      Ids are item codes, or pids in a collection of people. One that is not there is passed over. \
      Nobody needs this to honour a withdrawal or an erasure: those remove by themselves.

      Example:
        tacit-vectors delete --collection songs 85123A 22423
      """)

  @Option(help: "The collection.") var collection: String
  @Argument(help: "The ids, up to 10,000.") var ids: [String]
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let removed = try await client.with(.vectors) { connection in
      let vectors = VectorsClient(connection)
      let form = try await VectorIDs.of(collection, in: vectors, options: client.callOptions)
      let request = DeleteRequest(
        collection: collection, ids: try ids.map { id in try form.bytes(of: id) })
      return try await vectors.delete(request, options: client.callOptions).removed
    }
    if client.json { return try printJSON(["removed": removed]) }
    print("\(removed) removed")
  }
}
