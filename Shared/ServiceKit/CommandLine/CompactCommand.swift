public import ArgumentParser
internal import Foundation
internal import SealedStore

/// `compact`: writes the files of a stopped service's store anew.
public struct CompactCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "compact",
      abstract: "Write the store's files anew, without old pages; the service must be stopped.",
      discussion: """
        Pages that are no longer in use hold what was there before until they are written over. This \
        leaves them behind, and gives their room back. Cut off at any moment, the store is the same. \
        Flash memory keeps replaced blocks until it comes to erase them.

        Example:
          \(Program.service.programName) compact --store var/stack/\(Program.service.rawValue)-store
        """)
  }

  @Option(help: "The directory of the store (TACIT_STORE).") public var store: String?

  public init() {}

  public func run() async throws {
    let directory = Environment.setting(
      store, variable: "TACIT_STORE", default: "var/stack/\(Program.service.rawValue)-store")
    let counts = try SealedStore.compact(at: URL(filePath: directory))
    print("compacted \(directory): \(counts.before) bytes before, \(counts.after) now")
  }
}
