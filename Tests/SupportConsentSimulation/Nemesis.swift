internal import PrivacyCore
internal import SealedStore
internal import Simulation

/// What goes wrong in a history: which fault, when, for how long.
struct Nemesis {
  /// The kinds of faults, each with what it is called in reports.
  enum Fault: String, CaseIterable {
    case killConsent, stopConsent, failDisk, diskFull
    case killGate, stopGate, emptyEffects, oldEffects
    case partition, oneWayToConsent, oneWayToGate, cutLine, duplicateLine
    case loss, reorder, drop, cuts, slow, clockJump, clientCut
  }

  private let room: ConsentRoom
  private let world: World
  /// How long faults last at most, in microseconds.
  private let lengthMax: Int64
  private(set) var counts: [Fault: Int] = [:]

  init(_ room: ConsentRoom, lengthMax: Int64) {
    self.room = room
    world = room.world
    self.lengthMax = lengthMax
  }

  /// Lets something go wrong after up to `delayMax` microseconds.
  mutating func strike(within delayMax: Int64) {
    let fault = Fault.allCases[Int(world.random.next() % UInt64(Fault.allCases.count))]
    let gate = ConsentRoom.gateNames[Int(world.random.next() % UInt64(ConsentRoom.gateNames.count))]
    let length = world.random.number(in: 0...lengthMax)
    counts[fault, default: 0] += 1
    let (room, world) = (room, world)
    world.after(world.random.number(in: 0...delayMax)) {
      room.note("\(fault.rawValue) of \(gate) for \(length) us")
      Self.strike(fault, gate, length, room, world)
    }
  }

  private static func strike(
    _ fault: Fault, _ gate: String, _ length: Int64, _ room: ConsentRoom, _ world: World
  ) {
    switch fault {
    case .killConsent:
      room.consent?.kill()
      world.after(length) { room.startConsent() }
    case .stopConsent: pause(room.consent, length, world)
    case .failDisk, .diskFull:
      let error = fault == .failDisk ? StoreError.inputOutput("fsync") : .diskFull("simulated")
      room.disk.failNextCommit(with: error, reachesDisk: world.random.happens(perMille: 500))
      // Whoever watches the service starts it again.
      world.after(length) {
        room.disk.mend()
        room.consent?.kill()
        room.startConsent()
      }
    case .killGate, .emptyEffects, .oldEffects:
      room.gates[gate]?.process.kill()
      let count = room.effects[gate]?.carriedOut.count ?? 0
      if fault == .emptyEffects { room.restoreEffects(of: gate, to: 0) }
      if fault == .oldEffects { room.restoreEffects(of: gate, to: count / 2) }
      world.after(length) { room.startGate(gate) }
    case .stopGate: pause(room.gates[gate]?.process, length, world)
    case .clockJump:
      let hours = world.random.number(in: -48...48)
      let process = world.random.happens(perMille: 500) ? room.consent : room.gates[gate]?.process
      process?.time.jump(byMicroseconds: hours * 3_600_000_000)
    case .cutLine: world.network.cut(from: gate, to: "consent")
    case .clientCut: world.network.cut(from: "client", to: "consent")
    case .duplicateLine: world.network.duplicate(from: gate, to: "consent")
    default: disturb(fault, gate, length, world)
    }
  }

  private static func pause(_ process: SimulatedProcess?, _ length: Int64, _ world: World) {
    process?.stop()
    world.after(length) { process?.resume() }
  }

  private static func disturb(
    _ fault: Fault, _ gate: String, _ length: Int64, _ world: World
  ) {
    var link = world.network.usualLink
    var (toConsent, toGate) = (true, true)
    switch fault {
    case .partition: link.isBlocked = true
    case .oneWayToConsent: (link.isBlocked, toGate) = (true, false)
    case .oneWayToGate: (link.isBlocked, toConsent) = (true, false)
    case .loss: link.lossPerMille = 100
    case .reorder: link.reorderPerMille = 300
    case .drop: link.dropPerMille = 150
    case .cuts: link.cutPerMille = 100
    case .slow: link.delay = 1_000...40_000
    default: return
    }
    if toConsent { world.network[from: gate, to: "consent"] = link }
    if toGate { world.network[from: "consent", to: gate] = link }
    world.after(length) {
      world.network[from: gate, to: "consent"] = world.network.usualLink
      world.network[from: "consent", to: gate] = world.network.usualLink
    }
  }
}
