internal import ArgumentParser
internal import ServiceKit
internal import VaultAPI

/// `reidentify approve`.
struct ApproveSubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Approve somebody else's request: two people must.",
    discussion: """
      Look at the case first: a case never changes, an approval is one of all of it.

      Example:
        tacit-vault reidentify list r_01… --as privacy-ben
        tacit-vault reidentify approve r_01… --as privacy-ben
      """)

  @OptionGroup var reidentification: CaseArgument
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let reply = try await client.with(.vault) {
      try await ReidentificationClient($0).approve(
        ApproveReidentificationRequest(id: reidentification.id), options: client.callOptions)
    }
    try CaseOutput(reply).print(asJSON: client.json)
  }
}

/// `reidentify deny`.
struct DenySubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deny",
    abstract: "Close somebody else's case, also one that is approved.",
    discussion: """
      Example:
        tacit-vault reidentify deny r_01… --reason "the ticket says no" \\
            --as privacy-ben
      """)

  @OptionGroup var reidentification: CaseArgument
  @Option(help: "Why, up to 256 bytes.") var reason = ""
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let reply = try await client.with(.vault) {
      try await ReidentificationClient($0).deny(
        DenyReidentificationRequest(id: reidentification.id, reason: reason),
        options: client.callOptions)
    }
    try CaseOutput(reply).print(asJSON: client.json)
  }
}

/// `reidentify withdraw`.
struct WithdrawSubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdraw",
    abstract: "Close one's own case.",
    discussion: """
      Example:
        tacit-vault reidentify withdraw r_01… --reason "not needed" --as legal-ann
      """)

  @OptionGroup var reidentification: CaseArgument
  @Option(help: "Why, up to 256 bytes.") var reason = ""
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let reply = try await client.with(.vault) {
      try await ReidentificationClient($0).withdraw(
        WithdrawReidentificationRequest(id: reidentification.id, reason: reason),
        options: client.callOptions)
    }
    try CaseOutput(reply).print(asJSON: client.json)
  }
}

/// `reidentify list`.
struct ListSubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "The cases, newest first, and whether the path is frozen.",
    discussion: """
      Examples:
        tacit-vault reidentify list --pending --as privacy-ben
        tacit-vault reidentify list r_01… --as privacy-ben
      """)

  @Argument(help: ArgumentHelp("Only this case, in full.", valueName: "case"))
  var id: String?
  @Flag(help: "Only cases that are open or approved.") var pending = false
  @Option(help: ArgumentHelp("Only cases older than this one.", valueName: "case"))
  var before: String?
  @Option(help: "The most cases, 1 to 100.") var limit: UInt32 = 100
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let cases: [CaseOutput]
    let path: PathOutput
  }

  func validate() throws {
    guard (1...100).contains(limit) else { throw ValidationError("--limit takes 1 to 100") }
  }

  func run() async throws {
    let request = ListReidentificationsRequest(
      id: id ?? "", pendingOnly: pending, before: before ?? "", limit: limit)
    let reply = try await client.with(.vault) {
      try await ReidentificationClient($0).list(request, options: client.callOptions)
    }
    let cases = reply.cases.map(CaseOutput.init)
    let path = PathOutput(reply.path ?? ReidentificationPath())
    if client.json { return try printJSON(Answer(cases: cases, path: path)) }
    if id != nil {
      cases.first?.show()
    } else {
      var table = Table("case", "state", "requester", "people", "approvals", "ticket", "purpose")
      for one in cases {
        table.add(
          one.id, one.state, one.requester, "\(one.pids.count)", "\(one.approvals.count)",
          one.ticket, one.purpose)
      }
      table.show()
    }
    if path.frozen { path.show() }
  }
}

/// `reidentify freeze`.
struct FreezeSubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "freeze",
    abstract: "Stop re-identification at once: requests, approvals and warrants.",
    discussion: """
      One person is enough. What is open now stays void for ever; to open the path again takes \
      two people (`unfreeze`).

      Example:
        tacit-vault reidentify freeze --reason "stolen laptop" --as security-eve
      """)

  @Option(help: "Why, up to 256 bytes.") var reason = ""
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let reply = try await client.with(.vault) {
      try await ReidentificationClient($0).freeze(
        FreezeReidentificationRequest(reason: reason), options: client.callOptions)
    }
    try PathOutput(reply).print(asJSON: client.json)
  }
}

/// `reidentify unfreeze`.
struct UnfreezeSubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unfreeze",
    abstract: "Propose to open the path again; or agree, as the second person.",
    discussion: """
      The first person's proposal stands for an hour. Freezing again ends it.

      Example:
        tacit-vault reidentify unfreeze --as security-eve
        tacit-vault reidentify unfreeze --as privacy-ben
      """)

  @OptionGroup var client: ClientOptions

  func run() async throws {
    let reply = try await client.with(.vault) {
      try await ReidentificationClient($0).unfreeze(
        UnfreezeReidentificationRequest(), options: client.callOptions)
    }
    try PathOutput(reply).print(asJSON: client.json)
  }
}
