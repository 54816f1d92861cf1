package import ConsentAPI
internal import ConsentVerifier
internal import PrivacyCore
package import RPC

extension ConsentService {
  package func state(_ request: StateRequest, context: CallContext) async throws -> StateReply {
    let pid = try pid(request.pid)
    guard request.language.isEmpty || LanguageTag.accepts(request.language) else {
      throw ReceiptRefusal.malformedLanguage
    }
    try await wait(for: request.atLeast, context)
    let (state, position) = try ledger.standing(of: pid)
    return StateReply(
      purposes: state.standings(
        in: register.current.catalog, language: request.language, now: time.now),
      erased: state.isErased, sequence: position)
  }
}
