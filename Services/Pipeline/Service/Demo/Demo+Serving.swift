internal import ConsentAPI
internal import FeaturesAPI
internal import Foundation
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import VaultAPI
internal import VectorsAPI

extension DemoRun {
  /// Recommends to every customer of the task, over all items and over new ones, one call after
  /// the other, and compares with what each bought.
  func measureRecommendations(
    _ task: RecommendationTask, pids: [String: PseudonymousID]
  ) async throws {
    let vectors = VectorsClient(try client(.vectors, as: "marketing-dev"))
    var latencies = LatencySample()
    var all = RecommendationTask.Recall()
    var new = RecommendationTask.Recall()
    let bar = ProgressBar("recommending")
    for (index, subject) in task.subjects.enumerated() {
      guard let pid = pids[subject.customer] else { continue }
      for candidates in [Candidates.all, .new] {
        let began = SystemTime().monotonicMicroseconds
        let reply = try await vectors.recommend(
          recommendation(for: pid, candidates, asOf: task.cut))
        latencies.add(microseconds: SystemTime().monotonicMicroseconds - began)
        let items = reply.recommendations.map(\.item)
        if candidates == .all {
          all.add(items, targets: subject.targets)
        } else {
          // A stranger's list may name what this customer had: only the measurement knows.
          new.add(items, targets: subject.targets.subtracting(subject.bought))
        }
      }
      bar.update(Double(index + 1) / Double(task.subjects.count))
    }
    bar.finish()
    let popularity = task.recall(of: task.popular60Days)
    let allTime = task.recall(of: task.popularAllTime)
    report.subjects = all.subjectCount
    report.recallAt20All = all.mean
    report.recallAt20New = new.mean
    report.popularityRecallAt20All = popularity.all
    report.popularityRecallAt20New = popularity.new
    report.popularityAllTimeRecallAt20All = allTime.all
    report.popularityAllTimeRecallAt20New = allTime.new
    report.recommendP50Ms = latencies.quantile(0.5)
    report.recommendP99Ms = latencies.quantile(0.99)
    report.recommendLatenciesMs = latencies.milliseconds
  }

  /// One customer says no while four callers ask for recommendations as fast as they can: when did
  /// the last personal answer end, and did any begin after the reply?
  func withdraw(_ pid: PseudonymousID, asOf: Timestamp) async throws {
    let request = recommendation(for: pid, .all, asOf: asOf)
    let vectors = VectorsClient(try client(.vectors, as: "marketing-dev"))
    guard try await vectors.recommend(request).basis == .personal else {
      throw CommandFailure("the chosen customer had no personal recommendations to begin with")
    }
    let asking = (0..<4).map { _ in Task { await Self.ask(vectors, request) } }
    try await Task.sleep(for: .milliseconds(300))
    let saidUs = SystemTime().monotonicMicroseconds
    let reply = try await ConsentClient(try client(.consent, as: "privacy-dev")).withdraw(
      WithdrawRequest(pid: pid.bytes, source: "demo"))
    let repliedUs = SystemTime().monotonicMicroseconds
    try await Task.sleep(for: .milliseconds(300))
    asking.forEach { $0.cancel() }
    var answers: [Answer] = []
    for task in asking {
      let run = await task.value
      answers += run.answers
      if let failure = run.failure { throw failure }
    }
    let personal = answers.filter(\.isPersonal)
    guard answers.contains(where: { $0.beganUs > repliedUs }) else {
      throw CommandFailure("nobody asked for recommendations after the withdrawal")
    }
    report.withdrawReplyMs = Double(repliedUs - saidUs) / 1_000
    report.withdrawToSilenceMs =
      Double(max(0, (personal.map(\.endedUs).max() ?? saidUs) - saidUs)) / 1_000
    report.personalAnswersAfterWithdrawal = personal.count { $0.beganUs > repliedUs }
    report.withdrawGates = reply.gates.map {
      .init(name: $0.gate, confirmed: $0.confirmed, ms: Double($0.afterUs) / 1_000)
    }
  }

  /// Asks for recommendations as fast as it is answered, until the task is cancelled.
  private static func ask(
    _ vectors: VectorsClient, _ request: RecommendRequest
  ) async -> (answers: [Answer], failure: RPCError?) {
    var answers: [Answer] = []
    while !Task.isCancelled {
      let began = SystemTime().monotonicMicroseconds
      do {
        let reply = try await vectors.recommend(request)
        answers.append(
          Answer(
            beganUs: began, endedUs: SystemTime().monotonicMicroseconds,
            isPersonal: reply.basis == .personal))
      } catch  where error.code == .resourceExhausted {
        // The service lets nobody ask as fast as a fast machine can.
        try? await Task.sleep(for: .milliseconds(2))
      } catch {
        // A call that the cancellation cut off has no answer to judge.
        return (answers, Task.isCancelled ? nil : error)
      }
    }
    return (answers, nil)
  }

  /// One customer is forgotten: what can still be read afterwards?
  func erase(_ pid: PseudonymousID, asOf: Timestamp) async throws {
    let began = SystemTime().monotonicMicroseconds
    let reply = try await ConsentClient(try client(.consent, as: "privacy-dev")).erase(
      EraseRequest(pid: pid.bytes, ground: "gdpr-17-1-b", source: "demo"))
    report.eraseMs = Double(SystemTime().monotonicMicroseconds - began) / 1_000
    guard reply.subjectKeyDestroyed else {
      throw CommandFailure("the vault did not destroy the subject key")
    }
    let left = try await FeaturesClient(try client(.features, as: "marketing-dev")).get(
      GetRequest(
        pids: [pid.bytes], features: ["purchases:*"], asOfUs: asOf.microseconds, purpose: "demo"))
    report.eraseFeaturesReadable = left.rows.flatMap(\.features).count { $0.status == .present }
    let known = try await VaultClient(try client(.vault, as: "privacy-dev")).show(
      VaultAPI.ShowRequest(pid: pid.bytes))
    guard known.forgotten, known.identifiers.isEmpty else {
      throw CommandFailure("the vault still knows the erased customer")
    }
  }

  private func recommendation(
    for pid: PseudonymousID, _ candidates: Candidates, asOf: Timestamp
  ) -> RecommendRequest {
    RecommendRequest(
      pid: pid.bytes, collection: Self.collection, k: 20, candidates: candidates,
      historyFeature: Self.historyFeature, scope: "product_recs", asOfUs: asOf.microseconds,
      purpose: "demo")
  }
}

/// One answer while a withdrawal is under way.
private struct Answer: Sendable {
  let beganUs: Int64
  let endedUs: Int64
  let isPersonal: Bool
}
