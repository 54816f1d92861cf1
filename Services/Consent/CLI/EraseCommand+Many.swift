internal import ConsentAPI
internal import PrivacyCore
internal import RPC
internal import ServiceKit

extension EraseCommand {
  /// The people of one call: small enough that the progress is seen.
  private static let chunkCount = 200

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

  /// Forgets everybody of a list, some at a time.
  ///
  /// - Throws: `CommandFailure` where a call failed; who was erased before that stays erased.
  func erase(people: [PseudonymousID]) async throws {
    let time = SystemTime()
    let startedAt = time.monotonicMicroseconds
    let bar = ProgressBar("erasing")
    // Named twice is meant once.
    var seen: Set<PseudonymousID> = []
    let people = people.filter { seen.insert($0).inserted }
    var erased: [ErasedPerson] = []
    try await client.with(.consent) { connection in
      let consent = ConsentClient(connection)
      for start in stride(from: 0, to: people.count, by: Self.chunkCount) {
        let chunk = people[start..<min(people.count, start + Self.chunkCount)]
        do throws(RPCError) {
          erased += try await consent.eraseMany(
            EraseManyRequest(
              pids: chunk.map(\.bytes), ground: ground, source: source,
              peoplePerS: peoplePerSecond ?? 0),
            options: client.callOptions
          ).people
        } catch {
          throw CommandFailure(
            "\(erased.count) of \(people.count) people were erased; then: \(error)\n"
              + "With that mended, repeat the command: who is erased already stays so.")
        }
        bar.update(Double(erased.count) / Double(people.count))
      }
    }
    bar.finish()
    let answer = ManyAnswer(
      people: people.count, erased: erased.count, certified: erased.count(where: \.certified),
      durationMs: Double(time.monotonicMicroseconds - startedAt) / 1_000)
    if client.json { return try printJSON(answer) }
    print(
      "\(answer.erased) of \(answer.people) people erased, \(answer.certified) of them certified, "
        + "after \(answer.durationMs) ms")
  }
}
