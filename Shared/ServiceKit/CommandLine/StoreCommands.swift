public import ArgumentParser
internal import Foundation
internal import SealedStore

/// `restore`: puts a backup where a store shall be. The service must not run.
public struct RestoreCommand: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Restore the store from a backup; the service must be stopped.",
    discussion: "A store that is newer than the backup is only replaced with --force.")

  @Option(help: "The directory that `backup` wrote.") public var from: String
  @Option(help: "The directory of the store (TACIT_STORE).") public var store: String?
  @Flag(help: "Replace a newer store.") public var force = false

  public init() {}

  public mutating func run() async throws {
    guard let target = store ?? Environment.value(of: "TACIT_STORE") else {
      throw ValidationError("say with --store where the store shall be")
    }
    try SealedStore.restore(
      from: URL(filePath: from), to: URL(filePath: target), replacingNewer: force)
    print("restored \(target) from \(from)")
  }
}
