package import ConsentAPI
internal import PrivacyCore
package import RPC

extension ConsentService {
  package func show(_ request: ShowRequest, context: CallContext) async throws -> Receipt {
    guard let id = ConsentID(text: request.consentID) else {
      throw ReceiptRefusal.malformedConsentID
    }
    try await wait(for: request.atLeast, context)
    return try ledger.receipt(id)
  }
}
