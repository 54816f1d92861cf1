internal import ArgumentParser
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// `forget`: destroys a person's subject key and identifiers.
struct ForgetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forget",
    abstract: "Destroy a person's subject key and identifiers. For ever.",
    discussion: """
      What services sealed under the subject key can not be read any more, in their backups \
      neither. Nothing is recorded for this pid or a linked one again. Repeating the command \
      answers as the first time.

      A backup of the vault itself that was made before still holds the person: delete it, or \
      repeat the command after a restore.

      This is the vault's part of an erasure, and no more. For a person who asks to be erased use \
      `tacit-consent erase`: it records the request, makes every store purge its rows, and then \
      does this.

      Example:
        tacit-vault forget --pid PID --yes
      """)

  @OptionGroup var person: PersonOption
  @Option(
    help: ArgumentHelp("The position of the erasure in the consent log.", valueName: "position"))
  var erasureSequence: UInt64 = 0
  @Flag(help: "Really do it.") var yes = false
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let identifiersRemoved: UInt32
    let keyDestroyed: Bool

    enum CodingKeys: String, CodingKey {
      case identifiersRemoved = "identifiers_removed"
      case keyDestroyed = "key_destroyed"
    }
  }

  func validate() throws {
    guard yes else {
      throw ValidationError("there is no way back from this; repeat the command with --yes")
    }
  }

  func run() async throws {
    let request = ForgetRequest(pid: person.pid.bytes, erasureSequence: erasureSequence)
    let reply = try await client.with(.vault) {
      try await VaultClient($0).forget(request, options: client.callOptions)
    }
    let answer = Answer(
      identifiersRemoved: reply.identifiersRemoved, keyDestroyed: reply.keyDestroyed)
    if client.json { return try printJSON(answer) }
    print("forgotten; identifiers removed: \(answer.identifiersRemoved)")
    print(
      answer.keyDestroyed
        ? "the subject key was destroyed" : "there was no subject key of this person")
  }
}
