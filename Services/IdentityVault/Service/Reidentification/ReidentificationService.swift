internal import AuditLog
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import Transport
internal import VaultAPI

/// The way back from a pid to identifiers. Each RPC reads: who calls, what the rules say, one
/// transaction with its log entry.
package struct ReidentificationService: ReidentificationServing {
  let book: CaseBook
  let configuration: ReidentificationConfiguration
  let keys: SubjectKeyKeeper
  private let callers: CallerGuard

  /// The service on the vault's store and log.
  ///
  /// - Throws: `VaultSetupError` for a configuration that cannot be.
  init(
    store: SealedStore, audit: AuditLog, keys: SubjectKeyKeeper,
    configuration: ReidentificationConfiguration, callers: CallerGuard, time: any TimeSource,
    random: any RandomSource
  ) throws(VaultSetupError) {
    if let fault = configuration.fault { throw VaultSetupError(description: fault) }
    self.configuration = configuration
    self.keys = keys
    self.callers = callers
    book = CaseBook(
      store: store, audit: audit, time: time, random: random, configuration: configuration)
  }

  /// The person who calls, within the rate of callers: attempts are logged, and the log is not to be
  /// flooded. To freeze is never refused so.
  func person(_ context: CallContext) throws -> CasePerson {
    let person = try CasePerson(context.peer)
    try callers.admit(1, looksUp: false, of: context.peer)
    return person
  }

  /// What a person wrote: shown to others and logged, so it must hold no identifier.
  func checked(
    _ text: String, _ byteCounts: ClosedRange<Int>, _ refusal: ReidentificationRefusal
  ) throws(ReidentificationRefusal) {
    guard byteCounts.contains(text.utf8.count) else { throw refusal }
    if let finding = IdentifierGuard.finding(in: text) { throw .textLooksLike(finding.rawValue) }
  }
}
