internal import ArgumentParser
internal import DynamicMessages
internal import Foundation
internal import Pipeline
internal import RPC
internal import ServiceKit

struct DescribeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Show what the services answer: methods, messages, limits, examples.",
    discussion: """
      Without a name: every service with its methods, the scope a caller needs for each, and \
      whether it may be repeated (idempotent) or is answered at once (inline). With the name of a \
      service, a method, a message or an enum: its definition with comments and limits, and an \
      example. A name may be shortened to its end where that is clear.

      With --service or --to the server is asked; else this program's own schemas are shown.

      Examples:
        tacit describe
        tacit describe Consent/Check
        tacit describe --service features Features
        tacit describe consent.v1.Receipt --json
      """)

  @Argument(
    help: ArgumentHelp("A service, method, message or enum.", valueName: "name"),
    completion: .custom { _, _, _ in MethodNames.short() })
  var name: String?

  @OptionGroup var server: ServerOptions
  @Flag(help: "Print JSON, for scripts.") var json = false

  func run() async throws {
    let schema = try await schema()
    if let reservation = schema.reservation { standardError("tacit describe: \(reservation)") }
    let item = try name.map { name in
      try asUsage { () throws(NameError) in try schema.item(named: name) }
    }
    if json {
      let document = SchemaDocument(schema)
      print(try item.map(document.json)?.document ?? document.services().document)
    } else {
      let text = SchemaText(schema)
      print(try item.map(text.text) ?? text.services())
    }
  }

  private func schema() async throws -> ServerSchema {
    guard server.isGiven else { return try .embedded() }
    let client = try server.client(answering: nil)
    do {
      let schema = try await CallErrors().reporting { try await ServerSchema.reflected(by: client) }
      await client.close()
      return schema
    } catch {
      await client.close()
      throw error
    }
  }
}
