internal import IdentityVaultService
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// A rotation of pid keys as people and scripts see it.
struct PidRotationView {
  private let status: RotationStatus
  private let now: Timestamp

  init(_ status: RotationStatus, at now: Timestamp = SystemTime().now) {
    self.status = status
    self.now = now
  }

  struct Output: Encodable {
    struct Service: Encodable {
      struct Scan: Encodable {
        let renamings: UInt64
        let rows: UInt64
        let pids: UInt64
        let formerRows: UInt64
        let unknownRows: UInt64
        let unknownPids: [String]
        let endedAt: String

        enum CodingKeys: String, CodingKey {
          case renamings, rows, pids
          case formerRows = "former_rows"
          case unknownRows = "unknown_rows"
          case unknownPids = "unknown_pids"
          case endedAt = "ended_at"
        }
      }

      let service: String
      let toldAt: String
      let renamings: UInt64
      let rowsMoved: UInt64
      let peopleMoved: UInt64
      let peopleLeft: UInt64
      let rowsPerS: Double
      let secondsLeft: Double?
      let scan: Scan?

      enum CodingKeys: String, CodingKey {
        case service, renamings, scan
        case toldAt = "told_at"
        case rowsMoved = "rows_moved"
        case peopleMoved = "people_moved"
        case peopleLeft = "people_left"
        case rowsPerS = "rows_per_s"
        case secondsLeft = "seconds_left"
      }
    }

    let rotation: UInt32
    let domain: String
    let phase: String
    let formerKeyVersion: UInt32
    let keyVersion: UInt32
    let independent: Bool
    let beganAt: String?
    let phaseBeganAt: String?
    let pids: UInt64
    let computed: UInt64
    let renamings: UInt64
    let vaultRowsLeft: UInt64
    let secondsLeft: Double?
    let services: [Service]
    let waitsFor: [String]

    enum CodingKeys: String, CodingKey {
      case rotation, domain, phase, independent, pids, computed, renamings, services
      case formerKeyVersion = "former_key_version"
      case keyVersion = "key_version"
      case beganAt = "began_at"
      case phaseBeganAt = "phase_began_at"
      case vaultRowsLeft = "vault_rows_left"
      case secondsLeft = "seconds_left"
      case waitsFor = "waits_for"
    }
  }

  /// For scripts.
  var output: Output {
    let isThere = status.rotation > 0
    return Output(
      rotation: status.rotation, domain: status.domain, phase: status.phase.text,
      formerKeyVersion: status.formerKeyVersion, keyVersion: status.keyVersion,
      independent: status.independent, beganAt: isThere ? Self.text(status.beganAtUs) : nil,
      phaseBeganAt: isThere ? Self.text(status.phaseBeganAtUs) : nil, pids: status.pids,
      computed: status.computed, renamings: status.renamings,
      vaultRowsLeft: status.vaultRowsLeft, secondsLeft: secondsLeft,
      services: status.services.map { told in
        let report = told.report ?? RekeyReport()
        return Output.Service(
          service: told.service, toldAt: Self.text(told.toldAtUs), renamings: report.renamings,
          rowsMoved: report.rowsMoved, peopleMoved: report.peopleMoved,
          peopleLeft: report.peopleLeft, rowsPerS: report.rowsPerS,
          secondsLeft: Self.secondsLeft(report), scan: report.scan.map(Self.scan))
      },
      waitsFor: status.waitsFor)
  }

  private static func scan(_ scan: PidScan) -> Output.Service.Scan {
    Output.Service.Scan(
      renamings: scan.renamings, rows: scan.rows, pids: scan.pids, formerRows: scan.formerRows,
      unknownRows: scan.unknownRows,
      unknownPids: scan.unknownPids.compactMap { PseudonymousID(bytes: $0)?.description },
      endedAt: text(scan.endedAtUs))
  }

  private static func text(_ microseconds: Int64) -> String {
    Timestamp(microseconds: microseconds).description
  }

  // MARK: - How long

  /// How long a service has still to move, at the rate that it told; `nil` where it told none.
  static func secondsLeft(_ report: RekeyReport) -> Double? {
    if report.peopleLeft == 0 { return 0 }
    guard report.rowsPerS > 0 else { return nil }
    let rowsPerPerson =
      report.peopleMoved > 0 ? Double(report.rowsMoved) / Double(report.peopleMoved) : 1
    return Double(report.peopleLeft) * rowsPerPerson / report.rowsPerS
  }

  /// How long the present phase has still to work, at the rates so far: of the slowest. `nil` where
  /// nothing can be said.
  var secondsLeft: Double? {
    switch status.phase {
    case .pending:
      let seconds = Double(now.microseconds - status.phaseBeganAtUs) / 1_000_000
      guard status.computed > 0, seconds > 0 else { return status.waitsFor.isEmpty ? 0 : nil }
      let left = status.pids - min(status.computed, status.pids)
      return Double(left) * seconds / Double(status.computed)
    case .dualWrite, .dualRead:
      let each = status.services.compactMap(\.report).map(Self.secondsLeft)
      guard !each.contains(nil) else { return nil }
      return each.compactMap(\.self).max()
    case .unspecified, .retired, .unrecognized: return nil
    }
  }

  /// How much of the present phase's work is done, in 0...1.
  var fractionDone: Double {
    func fraction(_ done: UInt64, of all: UInt64) -> Double {
      all == 0 ? 1 : min(1, Double(done) / Double(all))
    }
    switch status.phase {
    case .pending: return fraction(status.computed, of: status.pids)
    case .dualWrite:
      let consent = status.services.first { $0.service == WellKnownService.consent.rawValue }
      return fraction(consent?.report?.renamings ?? 0, of: status.renamings)
    case .dualRead:
      let reports = status.services.compactMap(\.report)
      let left = reports.map(\.peopleLeft).reduce(0, +)
      return fraction(
        reports.map(\.peopleMoved).reduce(0, +),
        of: reports.map(\.peopleMoved).reduce(0, +) + left)
    case .unspecified, .retired, .unrecognized: return 1
    }
  }

  // MARK: - For people

  /// Prints it, as the command's options say.
  func show(_ client: ClientOptions) throws {
    if client.json { return try printJSON(output) }
    show()
  }

  /// Prints it for people.
  func show() {
    guard status.rotation > 0 else { return print("pids: no rotation so far") }
    print(sentence)
    guard !status.services.isEmpty else { return showWaits() }
    var table = Table(
      "service", "renamings", "rows moved", "people left", "rows/s", "time left", "looked through")
    for told in status.services {
      let report = told.report ?? RekeyReport()
      table.add(
        told.service, "\(report.renamings)", "\(report.rowsMoved)", "\(report.peopleLeft)",
        "\(Int(report.rowsPerS))", Self.duration(Self.secondsLeft(report)),
        report.scan.map(Self.sentence) ?? "no")
    }
    table.show()
    showWaits()
  }

  private func showWaits() {
    for sentence in status.waitsFor { print("waits: \(sentence)") }
  }

  private var sentence: String {
    let name = "pids of domain \(status.domain), rotation \(status.rotation)"
    let keys = "key \(status.formerKeyVersion) to \(status.keyVersion)"
    let since = Self.text(status.phaseBeganAtUs)
    switch status.phase {
    case .pending:
      return
        "\(name): pending since \(since), \(keys): \(status.computed) of \(status.pids) computed"
        + (secondsLeft.map { ", \(Self.duration($0)) left" } ?? "")
    case .dualWrite, .dualRead:
      return "\(name): \(status.phase.text) since \(since), \(keys), \(status.renamings) renamings"
        + (secondsLeft.map { ", \(Self.duration($0)) left" } ?? "")
    case .retired:
      return "\(name): retired \(since); pids are made with key \(status.keyVersion)"
    case .unspecified, .unrecognized:
      return "\(name): given up \(since); pids are made with key \(status.formerKeyVersion)"
    }
  }

  private static func sentence(_ scan: PidScan) -> String {
    guard scan.formerRows > 0 || scan.unknownRows > 0 else { return "\(scan.rows) rows, all new" }
    return "\(scan.formerRows) rows former, \(scan.unknownRows) unknown"
  }

  private static func duration(_ seconds: Double?) -> String {
    guard let seconds else { return "unknown" }
    let whole = Int(seconds.rounded(.up))
    return whole < 120 ? "\(whole) s" : "\(whole / 60) min"
  }
}
