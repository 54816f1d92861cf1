internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `show`: one receipt.
struct ShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one receipt.",
    discussion: "Example: tacit-consent show c_01KEMQ8VJ0A1B2C3D4E5F6G7H8")

  @Argument(help: "The receipt's id: c_ and 26 characters.") var consentID: String
  @OptionGroup var token: TokenOption
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let receipt = ReceiptView(
      try await client.with(.consent) {
        try await ConsentClient($0).show(
          ShowRequest(consentID: consentID, atLeast: token.token), options: client.callOptions)
      })
    if client.json { try printJSON(receipt) } else { receipt.show() }
  }
}

/// `history`: all receipts of a person.
struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Show all receipts of a person, oldest first.",
    discussion: "Example: tacit-consent history --pid PID")

  @OptionGroup var person: PersonOption
  @OptionGroup var token: TokenOption
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).history(
        HistoryRequest(pid: person.pid.bytes, atLeast: token.token), options: client.callOptions)
    }
    let receipts = reply.receipts.map(ReceiptView.init)
    if client.json { return try printJSON(receipts) }
    if receipts.isEmpty { return print("this person has no receipt") }
    ReceiptView.show(receipts)
  }
}
