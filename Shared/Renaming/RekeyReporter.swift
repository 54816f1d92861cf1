package import Logging
package import PrivacyCore
internal import RPC
package import VaultAPI

/// Tells the vault how far a service is with a rotation of pid keys, looks through the store once
/// everything is moved, and has the former pids forgotten when the rotation is over.
package struct RekeyReporter: Sendable {
  private let vault: RotationClient
  private let part: any RekeyPart
  private let time: any TimeSource
  private let log: Logger

  /// So long it waits where the vault did not answer, or does not say how long to wait.
  private static let pauseMs = 1_000
  /// So long a scan that found something is not repeated, and five times as long as it took.
  private static let rescanMs: Int64 = 5_000
  /// The pids of one question to the vault.
  private static let pageCount = 4_096

  /// - Parameter vault: calls as the service's own identity.
  package init(
    vault: RotationClient, part: any RekeyPart, time: any TimeSource, log: Logger
  ) {
    self.vault = vault
    self.part = part
    self.time = time
    self.log = log
  }

  /// Reports until the task is cancelled. A vault out of reach is asked again.
  package func run() async throws {
    var memory = Memory()
    var isOutageLogged = false
    while true {
      var pauseMs = Self.pauseMs
      do {
        let news = try await report(&memory)
        if news.reportAfterMs > 0 { pauseMs = Int(news.reportAfterMs) }
        isOutageLogged = false
      } catch {
        try Task.checkCancellation()
        log.log(
          level: isOutageLogged ? .debug : .warning,
          "the vault was not told about the rotation of pid keys",
          metadata: ["reason": "\(error)"])
        isOutageLogged = true
      }
      try await time.sleep(milliseconds: pauseMs)
    }
  }

  /// What is kept from one report to the next.
  package struct Memory: Sendable {
    /// The rotation that the next report is about; 0: the vault has not named one.
    fileprivate(set) var rotation: UInt32 = 0
    fileprivate(set) var scan: PidScan?
    fileprivate(set) var retiredRotation: UInt32 = 0

    /// Nothing yet.
    package init() {}
  }

  /// Reports once; where the answer asks for a scan, carries it out and reports it too.
  package func report(_ memory: inout Memory) async throws -> RotationNews {
    var news = try await tell(memory)
    if news.rotation != memory.rotation {
      // The report that was just sent was about another one, or about none.
      memory.rotation = news.rotation
      memory.scan = nil
      news = try await tell(memory)
    }
    if news.retiredRotation > memory.retiredRotation {
      try await part.retire(news.retiredRotation)
      memory.retiredRotation = news.retiredRotation
    }
    guard try isScanDue(news, memory) else { return news }
    memory.scan = try await scan(news)
    return try await tell(memory)
  }

  private func tell(_ memory: Memory) async throws -> RotationNews {
    guard memory.rotation > 0 else { return try await vault.report(RekeyReport()) }
    let progress = try part.progress(of: memory.rotation)
    return try await vault.report(
      RekeyReport(
        rotation: memory.rotation, renamings: progress.renamings, rowsMoved: progress.rowsMoved,
        peopleMoved: progress.peopleMoved, peopleLeft: progress.peopleLeft,
        rowsPerS: progress.rowsPerSecond, scan: memory.scan))
  }

  // MARK: - The scan

  /// A scan counts only from when new pids are given out and everything known is moved; it is
  /// repeated where people were renamed since, and where it found something.
  private func isScanDue(_ news: RotationNews, _ memory: Memory) throws -> Bool {
    guard news.rotation > 0, news.phase == .dualRead else { return false }
    let progress = try part.progress(of: news.rotation)
    guard progress.peopleLeft == 0, progress.renamings >= news.renamings else { return false }
    guard let scan = memory.scan, scan.phase == .dualRead else { return true }
    if scan.renamings < news.renamings { return true }
    guard scan.formerRows > 0 || scan.unknownRows > 0 else { return false }
    let pause = max(Self.rescanMs * 1_000, 5 * (scan.endedAtUs - scan.beganAtUs))
    return time.now.microseconds >= scan.endedAtUs + pause
  }

  /// Walks over every pid under which rows are kept, and asks the vault what it is. Page by page, each
  /// of a moment of its own: once a renaming has its effect, nothing is written under the former pid
  /// any more.
  private func scan(_ news: RotationNews) async throws -> PidScan {
    var scan = PidScan(
      rotation: news.rotation, phase: news.phase, beganAtUs: time.now.microseconds,
      renamings: try part.progress(of: news.rotation).renamings)
    var last: PseudonymousID?
    while true {
      let page = try part.pids(after: last, limit: Self.pageCount)
      guard let end = page.last else { break }
      last = end.pid
      let standings = try await vault.standings(
        StandingsRequest(pids: page.map(\.pid.bytes))
      ).standings
      guard standings.count == page.count else {
        throw RPCError(.internalError, "the vault judged other pids than asked")
      }
      for ((pid, rowCount), standing) in zip(page, standings) {
        scan.count(pid, rowCount: UInt64(rowCount), PidStanding(rawValue: Int32(standing)))
      }
    }
    scan.endedAtUs = time.now.microseconds
    log.notice(
      "looked through the store for former pids",
      metadata: [
        "rotation": "\(scan.rotation)", "pids": "\(scan.pids)", "rows": "\(scan.rows)",
        "former": "\(scan.formerRows)", "unknown": "\(scan.unknownRows)",
      ])
    return scan
  }
}

extension PidScan {
  fileprivate static let unknownPidCountMax = 16

  /// Counts the rows of one pid. What the vault does not know may be a former one: unknown means no.
  fileprivate mutating func count(
    _ pid: PseudonymousID, rowCount: UInt64, _ standing: PidStanding
  ) {
    pids += 1
    rows += rowCount
    switch standing {
    case .current, .forgotten: break
    case .former: formerRows += rowCount
    case .unspecified, .unrecognized:
      unknownRows += rowCount
      if unknownPids.count < Self.unknownPidCountMax { unknownPids.append(pid.bytes) }
    }
  }
}
