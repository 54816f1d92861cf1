package import RPC
package import TrainerAPI

extension TrainerService {
  package func ledger(_ request: LedgerRequest, context: CallContext) async throws -> LedgerReply {
    let key = try BudgetKey(dataset: request.dataset, purpose: request.purpose)
    return LedgerReply(
      charges: try ledger.charges(
        of: key, after: request.after, limit: configuration.ledgerPageCountMax))
  }
}
