package import ConsentAPI
internal import ConsentVerifier
package import PrivacyCore

/// Counts the people who would have to be asked again because of a version of a notice.
package struct AskingCount: Sendable {
  private let target: Notice
  /// What differs between each older version and the target.
  private let differences: [UInt32: [NoticeDifference]]
  private var people: UInt64 = 0
  private var toAsk: UInt64 = 0
  private var counts: [UInt32: VersionCount] = [:]

  /// The count for `target`, which is one of `versions`.
  package init(_ target: Notice, versions: [Notice]) {
    self.target = target
    differences = Dictionary(
      uniqueKeysWithValues: versions.filter { $0.version < target.version }
        .map { ($0.version, NoticeDifferences.between($0, target)) })
  }

  /// Counts one person.
  package mutating func add(_ state: PersonState, at now: Timestamp) {
    var granted: [UInt32: [String]] = [:]
    for scope in state.scopes
    where scope.noticeID == target.id && scope.noticeVersion < target.version
      && scope.decision(at: now).reason == .granted
    {
      granted[scope.noticeVersion, default: []].append(scope.scope)
    }
    guard !granted.isEmpty else { return }
    people += 1
    var isConcerned = false
    for (version, scopes) in granted {
      var count = counts[version] ?? VersionCount(version: version)
      count.people += 1
      if NoticeDifferences.concern(differences[version] ?? [], granted: scopes) {
        count.toAsk += 1
        isConcerned = true
      }
      counts[version] = count
    }
    if isConcerned { toAsk += 1 }
  }

  /// The count so far.
  package var reply: CountToAskReply {
    CountToAskReply(
      version: target.version, people: people, toAsk: toAsk,
      versions: counts.values.sorted { $0.version < $1.version })
  }
}
