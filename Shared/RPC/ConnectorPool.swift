internal import NIOCore
internal import PrivacyCore
internal import Synchronization

/// The connections of a client: some to each of the servers that stand for each other.
///
/// A call goes to the connection with the fewest calls under way, of those that are open. What is
/// not open yet is opened beside it; what failed a moment ago is left out until its pause is over,
/// so that a dead server costs nothing but the attempt that found it out.
final class ConnectorPool: Sendable {
  /// One connection with the number of calls under way.
  final class Member: Sendable {
    let connector: ClientConnector
    private let calls = Atomic<Int>(0)

    init(_ connector: ClientConnector) { self.connector = connector }

    var callCount: Int { calls.load(ordering: .relaxed) }
    func begin() { calls.wrappingAdd(1, ordering: .relaxed) }
    func end() { calls.wrappingSubtract(1, ordering: .relaxed) }
  }

  private let members: [Member]
  /// Where the search begins: of equals, one after the other is taken.
  private let turn = Atomic<Int>(0)

  init(_ connectors: [ClientConnector]) {
    precondition(!connectors.isEmpty, "a client has at least one connection")
    members = connectors.map(Member.init)
  }

  /// The one member of a client with one connection.
  var only: Member? { members.count == 1 ? members[0] : nil }

  /// The time on the clock of the event loops.
  var now: NIODeadline { members[0].connector.eventLoop.now }

  /// Runs tasks on the event loop of the first connection.
  var executor: LoopExecutor { members[0].connector.executor }

  /// The best member that is not among `tried`; `nil` where all were tried, or the rest pauses.
  func pick(tried: [Member]) -> Member? {
    let start = turn.wrappingAdd(1, ordering: .relaxed).newValue & 0xFFFF
    var best: Member?
    var bestRank = Rank.none
    for offset in members.indices {
      let member = members[(start + offset) % members.count]
      guard !tried.contains(where: { $0 === member }) else { continue }
      let readiness = member.connector.readiness
      if readiness == .idle { member.connector.openSoon() }
      let rank = Rank(readiness: readiness, callCount: member.callCount)
      if rank < bestRank { (best, bestRank) = (member, rank) }
    }
    // With nothing tried yet, one that pauses says why there is no connection.
    return best ?? (tried.isEmpty ? members[start % members.count] : nil)
  }

  /// Closes all connections and refuses to make others.
  func close() async {
    for member in members { await member.connector.close() }
  }

  private struct Rank: Comparable {
    let readiness: ClientConnector.Readiness
    let callCount: Int

    /// What is worse than any that can be used.
    static let none = Rank(readiness: .paused, callCount: 0)

    static func < (left: Rank, right: Rank) -> Bool {
      (left.readiness, left.callCount) < (right.readiness, right.callCount)
    }
  }
}
