package import RPC
package import TrainerAPI

extension TrainerService {
  package func showBudget(
    _ request: ShowBudgetRequest, context: CallContext
  ) async throws -> Budget {
    let key = try BudgetKey(dataset: request.dataset, purpose: request.purpose)
    return try ledger.state(of: key).message()
  }
}
