internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import Testing
internal import Transport
internal import VaultAPI

/// Calls of a rotation of pid keys, and what services would tell.
extension VaultFixture {
  /// A moment of a rotation, and how far the vault itself is.
  enum Moment: CaseIterable, Sendable {
    case pending
    case dualWrite
    case dualReadUnmoved
    case dualReadMoved

    var phase: RotationPhase {
      switch self {
      case .pending: .pending
      case .dualWrite: .dualWrite
      case .dualReadUnmoved, .dualReadMoved: .dualRead
      }
    }

    /// Those in which two pids are in force.
    static let withTwoNames: [Moment] = [.dualWrite, .dualReadUnmoved, .dualReadMoved]
  }

  @discardableResult
  func begin(_ domain: String = "", independent: Bool = false) async throws -> RotationStatus {
    try await vault.rotation.begin(
      BeginRotationRequest(domain: domain, independent: independent),
      context: context(RotationMethods.begin, of: People.dan))
  }

  @discardableResult
  func advance(_ phase: RotationPhase) async throws -> RotationStatus {
    try await vault.rotation.advance(
      AdvanceRotationRequest(phase: phase),
      context: context(RotationMethods.advance, of: People.dan))
  }

  @discardableResult
  func abandon() async throws -> RotationStatus {
    try await vault.rotation.abandon(
      AbandonRotationRequest(), context: context(RotationMethods.abandon, of: People.dan))
  }

  func rotation() async throws -> RotationStatus {
    try await vault.rotation.status(
      RotationStatusRequest(), context: context(RotationMethods.status))
  }

  func renamings(after number: UInt64 = 0) async throws -> RenamingsReply {
    try await vault.rotation.renamings(
      RenamingsRequest(after: number), context: context(RotationMethods.renamings))
  }

  @discardableResult
  func report(_ service: String, _ report: RekeyReport) async throws -> RotationNews {
    try await vault.rotation.report(
      report, context: context(RotationMethods.report, of: PeerIdentity.service(service)))
  }

  func standings(_ pids: [[UInt8]]) async throws -> [PidStanding] {
    try await vault.rotation.standings(
      StandingsRequest(pids: pids), context: context(RotationMethods.standings)
    ).standings.map { PidStanding(rawValue: Int32($0)) }
  }

  /// Lets the vault do what is due.
  func work() async throws { while try await vault.rotation.work() {} }

  /// The consent service has these renamings in force everywhere; all, unless told otherwise.
  func confirm(_ renamings: UInt64? = nil) async throws {
    let status = try await rotation()
    try await report(
      "consent",
      RekeyReport(rotation: status.rotation, renamings: renamings ?? status.renamings))
  }

  /// Every service has looked through its store and found nothing.
  func scanAll() async throws {
    let status = try await rotation()
    for service in ["consent", "features", "vectors"] {
      try await report(
        service,
        RekeyReport(
          rotation: status.rotation, renamings: status.renamings,
          scan: PidScan(
            rotation: status.rotation, phase: .dualRead, renamings: status.renamings, rows: 10)))
    }
  }

  /// Takes a rotation to a moment.
  func go(to moment: Moment) async throws {
    try await begin()
    try await work()
    if moment == .pending { return }
    try await advance(.dualWrite)
    try await confirm()
    if moment == .dualWrite { return }
    try await advance(.dualRead)
    if moment == .dualReadMoved { try await work() }
  }

  /// Takes one that is under way to its end.
  func finish() async throws {
    var status = try await rotation()
    if status.phase == .pending {
      try await work()
      status = try await advance(.dualWrite)
    }
    try await confirm()
    if status.phase == .dualWrite { try await advance(.dualRead) }
    try await work()
    try await scanAll()
    try await advance(.retired)
    try await work()
  }

  /// Both pids of one identifier, as they are given out.
  func names(_ identifier: Identifier) async throws -> Pseudonym {
    let reply = try await vault.pseudonymize(
      PseudonymizeRequest(identifiers: [identifier], both: true),
      context: context(VaultMethods.pseudonymize))
    return try #require(reply.pseudonyms.first)
  }

  /// The next pid of a former one.
  func next(of former: [UInt8]) async throws -> [UInt8] {
    let renamings = try await renamings().renamings
    return try #require(renamings.first { $0.formerPid == former }).pid
  }
}
