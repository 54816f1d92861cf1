package import PrivacyCore

/// What a service does in a rotation of pid keys, as far as the vault has to know of it.
package protocol RekeyPart: Sendable {
  /// What is done so far for `rotation`.
  func progress(of rotation: UInt32) throws -> RekeyProgress

  /// Up to `limit` distinct pids behind `pid` under which rows are kept, ascending, each with the
  /// number of its rows. Tombstones and records of erasures are not rows; aliases of places are not
  /// either.
  func pids(
    after pid: PseudonymousID?, limit: Int
  ) throws -> [(pid: PseudonymousID, rowCount: Int)]

  /// Forgets the former pids of `rotation`, which is over, and of those before it. Called again at
  /// each start.
  func retire(_ rotation: UInt32) async throws
}

/// How far a service is with a rotation.
package struct RekeyProgress: Equatable, Sendable {
  /// The renamings that had their effect: `RekeyReport.renamings`.
  package var renamings: UInt64 = 0
  /// Rows that were moved.
  package var rowsMoved: UInt64 = 0
  /// People whose rows were moved.
  package var peopleMoved: UInt64 = 0
  /// People whose rows are still under the former pid.
  package var peopleLeft: UInt64 = 0
  /// Rows a second while rows were moved last.
  package var rowsPerSecond = 0.0

  /// Nothing yet.
  package init() {}
}
