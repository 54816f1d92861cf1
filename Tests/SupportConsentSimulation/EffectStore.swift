internal import Gate
internal import PrivacyCore
internal import Simulation

/// What a gate's service has durably done about changes of consent: position and effect together.
///
/// `@unchecked Sendable`: see `World`.
final class EffectStore: @unchecked Sendable {
  /// The positions of the changes it carried out, in that order.
  private(set) var carriedOut: [LogSequenceNumber] = []

  var position: LogSequenceNumber { carriedOut.last ?? .zero }

  func carryOut(_ changes: [ConsentChange]) {
    for change in changes where change.sequence > position { carriedOut.append(change.sequence) }
  }

  /// Goes back to what it was after so many changes, as a restored backup does.
  func truncate(to count: Int) {
    if carriedOut.count > count { carriedOut.removeLast(carriedOut.count - count) }
  }
}

/// The effects of a simulated gate: they take a while, and sometimes fail.
struct SimulatedEffects: GateEffects {
  let process: SimulatedProcess
  let store: EffectStore

  struct Fault: Error {}

  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
    let world = process.world
    if world.random.happens(perMille: 100) {
      try await process.time.sleep(microseconds: world.random.number(in: 0...3_000))
    }
    if world.random.happens(perMille: 10) { throw Fault() }
    // The dead write nothing.
    guard !process.isDead else { throw CancellationError() }
    store.carryOut(changes)
  }
}
