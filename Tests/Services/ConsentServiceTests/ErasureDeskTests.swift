import ConsentAPI
import ConsentService
import PrivacyCore
import TestSupport
import Testing

@Suite("What stores are asked about erasures")
struct ErasureDeskTests {
  private let time = ManualTime()

  private func desk(open count: UInt64) -> ErasureDesk {
    let desk = ErasureDesk(time: time, retryMs: 1_000)
    desk.update(
      (1...count).map {
        ErasureDesk.Standing(
          sequence: $0, pid: Example.pid($0), missing: ["features", "vectors"])
      })
    return desk
  }

  private func ask(
    _ desk: ErasureDesk, _ service: String = "features", confirmed: UInt64 = .max
  ) -> [UInt64] {
    desk.questions(for: service, confirmed: confirmed).map(\.sequence)
  }

  private func answer(_ desk: ErasureDesk, _ sequences: [UInt64], as service: String = "features") {
    desk.take(
      sequences.map { ErasureAnswer(sequence: $0, statement: [1]) }, from: service)
  }

  @Test("a store is asked about the oldest it has confirmed, so many at once, more as it answers")
  func room() {
    let desk = desk(open: 100)
    #expect(ask(desk, confirmed: 3) == [1, 2, 3])
    #expect(ask(desk) == Array(4...32))
    #expect(ask(desk).isEmpty)
    #expect(ask(desk, "vectors") == Array(1...32))
    answer(desk, [2, 5])
    #expect(ask(desk) == [33, 34])
  }

  @Test("whoever does not answer is asked again, and an answer that is being written is not")
  func again() {
    let desk = desk(open: 3)
    #expect(ask(desk) == [1, 2, 3])
    answer(desk, [2])
    time.advance(microseconds: 999_000)
    #expect(ask(desk).isEmpty)
    time.advance(microseconds: 1_000)
    #expect(ask(desk) == [1, 3])
    // It was none: the erasure lacks the store still.
    let answers = desk.takeAnswers()
    #expect(answers.count == 1)
    desk.release(answers)
    #expect(ask(desk) == [2])
    answer(desk, [2])
    desk.update([
      ErasureDesk.Standing(sequence: 2, pid: Example.pid(2), missing: ["vectors"])
    ])
    desk.release(desk.takeAnswers())
    time.advance(microseconds: 1_000_000)
    #expect(ask(desk) == [1, 3])
  }

  @Test("answers are taken up some at a time, each once, and none that nobody asked for")
  func answers() {
    let desk = desk(open: 70)
    answer(desk, Array(1...70))
    answer(desk, Array(1...71))
    answer(desk, [1], as: "trainer")
    #expect([32, 32, 6, 0].allSatisfy { desk.takeAnswers().count == $0 })
  }
}
