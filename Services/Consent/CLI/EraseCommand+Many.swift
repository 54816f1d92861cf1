internal import ConsentAPI
internal import PrivacyCore
internal import RPC
internal import ServiceKit

extension EraseCommand {
  /// Failures that are told one by one.
  private static let failureCountMax = 20

  private struct ManyAnswer: Encodable {
    let people: Int
    let erased: Int
    let certified: Int
    let durationMs: Double

    enum CodingKeys: String, CodingKey {
      case people, erased, certified
      case durationMs = "duration_ms"
    }
  }

  /// Forgets everybody of a list.
  ///
  /// - Throws: `CommandFailure` where somebody was not forgotten; the others were.
  func erase(people: [PseudonymousID]) async throws {
    let time = SystemTime()
    let startedAt = time.monotonicMicroseconds
    let bar = ProgressBar("erasing")
    var erased = 0
    var certified = 0
    var failures: [(pid: PseudonymousID, reason: String)] = []
    try await client.with(.consent) { connection in
      let consent = ConsentClient(connection)
      await withTaskGroup(of: (PseudonymousID, Result<EraseReply, RPCError>).self) { group in
        var rest = people[...]
        for _ in 0..<inFlight {
          guard let pid = rest.popFirst() else { break }
          group.addTask { (pid, await erase(pid, with: consent)) }
        }
        for await (pid, outcome) in group {
          switch outcome {
          case .success(let reply):
            erased += 1
            certified += reply.certified ? 1 : 0
          case .failure(let error): failures.append((pid, "\(error)"))
          }
          bar.update(Double(erased + failures.count) / Double(people.count))
          if let next = rest.popFirst() {
            group.addTask { (next, await erase(next, with: consent)) }
          }
        }
      }
    }
    bar.finish()
    let answer = ManyAnswer(
      people: people.count, erased: erased, certified: certified,
      durationMs: Double(time.monotonicMicroseconds - startedAt) / 1_000)
    if client.json {
      try printJSON(answer)
    } else {
      print(
        "\(erased) of \(people.count) people erased, \(certified) of them certified, after "
          + "\(answer.durationMs) ms")
    }
    guard failures.isEmpty else {
      let told = failures.prefix(Self.failureCountMax).map { "\($0.pid): \($0.reason)" }
      throw CommandFailure(
        "\(failures.count) people were not erased:\n" + told.joined(separator: "\n"))
    }
  }

  private func erase(
    _ pid: PseudonymousID, with consent: ConsentClient
  ) async -> Result<EraseReply, RPCError> {
    do throws(RPCError) {
      return .success(
        try await consent.erase(
          EraseRequest(pid: pid.bytes, ground: ground, source: source),
          options: client.callOptions))
    } catch {
      return .failure(error)
    }
  }
}
