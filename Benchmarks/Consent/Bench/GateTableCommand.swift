internal import ArgumentParser
internal import ConsentAPI
internal import Gate
internal import Logging
internal import RPC

/// The memory that a gate needs for its people, counted by the table itself and by the process.
struct GateTableCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gate-table", abstract: "Attends until everybody is known and measures the table.")

  @OptionGroup var target: Target

  func run() async throws {
    let client = try target.client()
    let gate = Gate(name: "table", consent: ConsentClient(client), log: Logger(label: "bench"))
    let attending = Task { try await gate.run() }
    while gate.personCount < target.people || !gate.isLive {
      try await Task.sleep(for: .milliseconds(5))
    }
    try report([
      "gate_table_bytes_per_subject": Double(gate.tableByteCount) / Double(gate.personCount)
    ])
    attending.cancel()
    await client.close()
  }
}
