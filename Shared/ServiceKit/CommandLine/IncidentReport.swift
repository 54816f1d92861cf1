internal import HealthAPI
internal import PrivacyCore

/// What one service's log says of a window, as people and scripts see it.
public struct IncidentReport: Sendable {
  private let service: WellKnownService
  private let window: IncidentWindow

  init(_ service: WellKnownService, _ window: IncidentWindow) {
    self.service = service
    self.window = window
  }

  private struct Output: Encodable {
    struct Line: Encodable {
      let principal: String
      let action: String
      let purpose: String
      let isRead: Bool
      let count: UInt64
      let pidCount: UInt64
      let first: String
      let last: String

      enum CodingKeys: String, CodingKey {
        case principal, action, purpose
        case isRead = "is_read"
        case count
        case pidCount = "pid_count"
        case first, last
      }
    }
    struct Gap: Encodable {
      let from: String
      let to: String
      let reason: String
    }
    struct Key: Encodable {
      let version: UInt32
      let state: String
      let createdAt: String

      enum CodingKeys: String, CodingKey {
        case version, state
        case createdAt = "created_at"
      }
    }
    let service: String
    let firstNumber: UInt64
    let lastNumber: UInt64
    let lines: [Line]
    let unlistedLineCount: UInt64
    let pidCount: UInt64
    let pids: [String]
    let readBatchCount: UInt64
    let readCount: UInt64
    let closedCount: UInt64
    let gaps: [Gap]
    let keys: [Key]
    let logProblem: String?
    let verifiedCount: UInt64

    enum CodingKeys: String, CodingKey {
      case service
      case firstNumber = "first_number"
      case lastNumber = "last_number"
      case lines
      case unlistedLineCount = "unlisted_line_count"
      case pidCount = "pid_count"
      case pids
      case readBatchCount = "read_batch_count"
      case readCount = "read_count"
      case closedCount = "closed_count"
      case gaps, keys
      case logProblem = "log_problem"
      case verifiedCount = "verified_count"
    }
  }

  private var output: Output {
    Output(
      service: service.rawValue, firstNumber: window.firstNumber, lastNumber: window.lastNumber,
      lines: window.lines.map { line in
        Output.Line(
          principal: line.principal, action: line.action, purpose: line.purpose,
          isRead: line.isRead, count: line.count, pidCount: line.pidCount,
          first: Timestamp(microseconds: line.firstUs).description,
          last: Timestamp(microseconds: line.lastUs).description)
      },
      unlistedLineCount: window.unlistedLineCount, pidCount: window.pidCount,
      pids: window.pids.compactMap { PseudonymousID(bytes: $0)?.description },
      readBatchCount: window.readBatchCount, readCount: window.readCount,
      closedCount: window.closedCount,
      gaps: window.gaps.map { Output.Gap(from: $0.from, to: $0.to, reason: $0.reason) },
      keys: window.keys.map {
        Output.Key(version: $0.version, state: $0.state, createdAt: $0.createdAt)
      },
      logProblem: window.logProblem.isEmpty ? nil : window.logProblem,
      verifiedCount: window.verifiedCount)
  }

  /// Prints what the services say, in one table.
  ///
  /// - Throws: `CommandFailure` where a log does not hold.
  public static func show(_ reports: [IncidentReport], json: Bool) throws {
    if json {
      try printJSON(reports.map(\.output))
    } else {
      showTables(reports)
    }
    let problems = reports.filter { !$0.window.logProblem.isEmpty }
    guard problems.isEmpty else {
      throw CommandFailure(
        problems.map { "\($0.service.rawValue): \($0.window.logProblem)" }.joined(separator: "\n"))
    }
  }

  private static func showTables(_ reports: [IncidentReport]) {
    var table = Table(
      "service", "caller", "action", "purpose", "times", "people", "first", "last")
    for report in reports {
      for line in report.window.lines {
        table.add(
          report.service.rawValue, line.principal.isEmpty ? "-" : line.principal, line.action,
          line.purpose, String(line.count), String(line.pidCount),
          Timestamp(microseconds: line.firstUs).description,
          Timestamp(microseconds: line.lastUs).description)
      }
    }
    table.show()
    for report in reports { print("\n" + report.summary) }
  }

  private var summary: String {
    let name = service.rawValue
    var lines: [String] = []
    lines.append(
      window.firstNumber == 0
        ? "\(name): no entry in the window"
        : "\(name): entries \(window.firstNumber) to \(window.lastNumber), \(window.pidCount) "
          + "people, \(window.readCount) reads in \(window.readBatchCount) batches")
    if window.unlistedLineCount > 0 {
      lines.append("  \(window.unlistedLineCount) further lines are not shown")
    }
    if window.closedCount > 0 {
      lines.append("  \(window.closedCount) entries or reads are forgotten or a person's own")
    }
    for gap in window.gaps {
      lines.append("  reads may be missing from \(gap.from) to \(gap.to): \(gap.reason)")
    }
    let keys = window.keys.map { "\($0.version) (\($0.state), made \($0.createdAt))" }
    lines.append("  versions of the key: \(keys.joined(separator: ", "))")
    lines.append(
      window.logProblem.isEmpty
        ? "  the log holds: \(window.verifiedCount) entries and all checkpoints checked"
        : "  THE LOG DOES NOT HOLD: \(window.logProblem)")
    for pid in window.pids { lines.append("  \(PseudonymousID(bytes: pid)?.description ?? "?")") }
    return lines.joined(separator: "\n")
  }
}
