import ConsentService
import PrivacyCore
import Testing

@Suite("Waiting for a change")
struct SignalTests {
  @Test("a change between the look and the wait is not missed")
  func noLostWakeUp() async throws {
    let signal = Signal()
    let generation = signal.generation
    signal.notify()
    try await signal.wait(after: generation)
  }

  @Test("a waiting task is woken")
  func wakes() async throws {
    let signal = Signal()
    let generation = signal.generation
    let waiter = Task { try await signal.wait(after: generation) }
    signal.notify()
    try await waiter.value
  }

  @Test("the wait ends when the time is up")
  func timesOut() async throws {
    let signal = Signal()
    try await signal.wait(after: signal.generation, timeoutMicroseconds: 1_000)
    try await signal.wait(after: signal.generation, timeoutMicroseconds: -1)
  }

  @Test("a cancelled wait throws")
  func cancellation() async {
    let signal = Signal()
    let waiter = Task { try await signal.wait(after: signal.generation) }
    waiter.cancel()
    await #expect(throws: CancellationError.self) { try await waiter.value }
  }
}
