internal import AuditLog
internal import CommonAPI
internal import FeaturesAPI
internal import Foundation
internal import Gate
internal import PrivacyCore
package import RPC
internal import Transport
internal import VectorIndex
package import VectorsAPI

extension VectorSearchService {
  package func recommend(
    _ request: RecommendRequest, context: CallContext
  ) async throws -> RecommendReply {
    try callRate.take(context.peer.spiffeID)
    let question = try RecommendationQuestion(request, configuration, now: parts.time.now)
    try await gate.wait(for: request.atLeast, until: context.deadline)
    let collection = try library.collection(request.collection)
    guard let shelf = collection.shelf else {
      throw VectorSearchError.notForThis(
        "collection \(collection.name) holds no model; publish one to it")
    }

    var answer = RecommendationAnswer(modelID: shelf.modelID)
    switch try await history(
      for: question, on: shelf, atLeast: request.atLeast, context: context)
    {
    case .success(let history):
      let score = try RecommendationScore(
        of: history, on: shelf, day: Int32(clamping: question.asOf.day), noise: question.noise,
        random: parts.random)
      answer.serve(score, of: history, to: question, from: shelf)
    case .failure(let stranger):
      answer.serveStranger(because: stranger.reason, question, from: shelf)
    }
    let place = try await audit.append(
      AuditEntry(
        principal: context.peer.spiffeID, action: "vectors.recommend", purpose: request.purpose,
        pids: question.person.map { [$0.pid] } ?? [],
        consentIDs: answer.reply.consentID.isEmpty ? [] : [answer.reply.consentID],
        details: [
          ("collection", collection.name), ("model", shelf.modelID), ("k", "\(question.k)"),
          ("basis", answer.reply.basis == .personal ? "personal" : "anonymous"),
        ]))
    answer.reply.auditSequence = AuditLog.number(at: place)
    return answer.reply
  }

  /// The person's history, if it may be used now: consent is asked for before it is fetched, by
  /// the feature store when it reads it, and again when it is here.
  ///
  /// - Throws: what the feature store finds wrong with the name of the feature: that is the
  ///   caller's mistake, and serving strangers would hide it.
  private func history(
    for question: RecommendationQuestion, on shelf: ItemShelf, atLeast token: ConsentToken?,
    context: CallContext
  ) async throws -> Result<PersonHistory, Stranger> {
    guard let person = question.person else { return .failure(Stranger("nobody was named")) }
    if case .withheld(let reason) = gate.admit(person.pid, scope: person.scope) {
      return .failure(Stranger("\(person.scope): \(reason)"))
    }
    let request = GetRequest(
      pids: [person.pid.bytes], features: [person.historyFeature],
      asOfUs: question.asOf.microseconds, purpose: question.purpose, atLeast: token)
    let reply: GetReply
    do {
      reply = try await parts.features.get(request, options: CallOptions(for: context))
    } catch {
      guard error.code != .invalidArgument else { throw error }
      return .failure(Stranger("the feature store could not be asked"))
    }
    guard let value = reply.rows.first?.features.first else {
      return .failure(Stranger("the feature store gave no answer"))
    }
    guard value.status != .withheld else { return .failure(Stranger(value.reason)) }
    guard value.status == .present else {
      return .failure(Stranger("nothing is known of this person"))
    }
    guard case .tallies(let list)? = value.value?.kind else {
      return .failure(Stranger("\(person.historyFeature) holds no tallies of items"))
    }
    switch gate.admit(person.pid, scope: person.scope) {
    case .withheld(let reason): return .failure(Stranger("\(person.scope): \(reason)"))
    case .admitted(let proof):
      let history = PersonHistory(list.tallies, on: shelf, under: proof)
      return history.items.isEmpty
        ? .failure(Stranger("nothing is known of this person")) : .success(history)
    }
  }
}

/// Why somebody is served as a stranger.
private struct Stranger: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}
