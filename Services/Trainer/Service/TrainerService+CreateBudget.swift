package import RPC
package import TrainerAPI
internal import Transport

extension TrainerService {
  package func createBudget(
    _ request: CreateBudgetRequest, context: CallContext
  ) async throws -> Budget {
    let key = try BudgetKey(dataset: request.dataset, purpose: request.purpose)
    return try await ledger.open(
      key, epsilonLimit: request.epsilonLimit, delta: request.delta,
      principal: context.peer.spiffeID
    ).message()
  }
}
