internal import ArgumentParser
internal import ServiceKit
internal import VectorSearchService

/// `serve`: runs the service.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run vector search until it is told to stop.",
    discussion: """
      Only one process can serve a store. It needs the consent service, which tells its gate who \
      allows what; the vault, which gives it the keys people's vectors are sealed under; the \
      feature store, which has people's histories; and the trainer when a model is published. \
      Without the consent service everybody is a stranger.

      Example:
        tacit-vectors serve --peer consent=127.0.0.1:7101 --peer vault=127.0.0.1:7102 \\
            --peer features=127.0.0.1:7103 --peer trainer=127.0.0.1:7104
      """)

  @OptionGroup var options: ServeOptions

  func run() async throws {
    try await serve(.vectors, options: options) { try await VectorSearchService($0) }
  }
}
