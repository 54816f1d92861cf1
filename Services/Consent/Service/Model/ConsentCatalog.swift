package import ConsentAPI
package import PrivacyCore

/// What people can be asked for and are told: the purposes and the notices, all versions of each.
package struct ConsentCatalog: Sendable {
  /// The versions of each purpose, oldest first.
  package private(set) var purposes: [String: [Purpose]] = [:]
  /// The versions of each notice, oldest first.
  package private(set) var notices: [String: [Notice]] = [:]
  /// The scopes that may be named: those of the configuration, then the other purposes by name.
  package private(set) var knownScopes: [String]
  /// Which purpose is a part of which.
  package private(set) var tree = PurposeTree()

  private let configured: [String]

  /// The most notices, each with all its versions.
  package static let noticeCountMax = 1_000
  /// The most versions of one notice or purpose.
  package static let versionCountMax = 1_000

  /// The scopes of a configuration, which nobody has described yet.
  package init(scopes: [Scope]) {
    configured = scopes.map(\.description)
    knownScopes = configured
  }

  /// Takes in what is recorded: the next version of a purpose.
  package mutating func record(_ purpose: Purpose) {
    purposes[purpose.id, default: []].append(purpose)
    knownScopes = configured + purposes.keys.filter { !configured.contains($0) }.sorted()
    tree = PurposeTree(
      parents: purposes.compactMapValues { versions in
        versions.last.flatMap { $0.parent.isEmpty ? nil : $0.parent }
      })
  }

  /// Takes in what is recorded: the next version of a notice.
  package mutating func record(_ notice: Notice) { notices[notice.id, default: []].append(notice) }

  // MARK: Looking up

  /// The newest version of a purpose; `nil` where nobody has described it.
  package func purpose(_ id: String) -> Purpose? { purposes[id]?.last }

  /// A version of a notice; 0 means the newest.
  package func notice(_ id: String, version: UInt32) throws(ReceiptRefusal) -> Notice {
    guard let versions = notices[id], let newest = versions.last else { throw .unknownNotice }
    if version == 0 { return newest }
    guard version <= newest.version, let notice = versions.first(where: { $0.version == version })
    else { throw .unknownNoticeVersion(newest: newest.version) }
    return notice
  }

  // MARK: The next version

  /// `purpose` as its next version, or the newest one where it says the same.
  package func next(_ purpose: Purpose) throws(ReceiptRefusal) -> (purpose: Purpose, isNew: Bool) {
    try check(purpose)
    var next = purpose
    if let newest = purposes[purpose.id]?.last {
      next.recordedAtUs = newest.recordedAtUs
      if purpose.version == 0 || purpose.version == newest.version {
        next.version = newest.version
        if next == newest { return (newest, false) }
      }
    }
    let count = UInt32(purposes[purpose.id]?.count ?? 0)
    guard purpose.version == 0 || purpose.version == count + 1 else {
      throw .versionNotNext(expected: count + 1)
    }
    guard count < Self.versionCountMax else { throw .tooManyVersions(limit: Self.versionCountMax) }
    next.version = count + 1
    return (next, true)
  }

  /// `notice` as its next version, or the newest one where it says the same. Its texts' hashes must
  /// have been filled in.
  package func next(_ notice: Notice) throws(ReceiptRefusal) -> (notice: Notice, isNew: Bool) {
    try check(notice)
    var next = notice
    if let newest = notices[notice.id]?.last {
      next.recordedAtUs = newest.recordedAtUs
      if notice.version == 0 || notice.version == newest.version {
        next.version = newest.version
        if next == newest { return (newest, false) }
      }
    } else if notices.count >= Self.noticeCountMax {
      throw .tooManyNotices(limit: Self.noticeCountMax)
    }
    let count = UInt32(notices[notice.id]?.count ?? 0)
    guard notice.version == 0 || notice.version == count + 1 else {
      throw .versionNotNext(expected: count + 1)
    }
    guard count < Self.versionCountMax else { throw .tooManyVersions(limit: Self.versionCountMax) }
    next.version = count + 1
    return (next, true)
  }
}
