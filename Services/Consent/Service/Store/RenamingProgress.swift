internal import PrivacyCore
internal import SealedStore

/// How far the ledger is with a rotation of pid keys.
package struct RenamingProgress: Hashable, Sendable {
  /// The last rotation whose renamings it began to record; 0: none.
  package var rotation: UInt32 = 0
  /// The number of the last of them that is recorded.
  package var cursor: UInt64 = 0
  /// The last rotation that is over.
  package var retiredRotation: UInt32 = 0
  /// Rows that were moved in it.
  package var rowsMoved: UInt64 = 0
  /// People who were renamed in it.
  package var peopleMoved: UInt64 = 0

  /// What the store says.
  init(in reader: borrowing some StoreReading & ~Copyable) throws {
    func number(_ name: String) throws -> UInt64 {
      try reader.get(ConsentTables.settings, name) ?? 0
    }
    rotation = UInt32(clamping: try number(Self.rotationSetting))
    cursor = try number(Self.cursorSetting)
    retiredRotation = UInt32(clamping: try number(Self.retiredSetting))
    rowsMoved = try number(Self.rowsSetting)
    peopleMoved = try number(Self.peopleSetting)
  }

  /// Notes it.
  func write(in transaction: inout WriteTransaction) throws {
    let settings = [
      (Self.rotationSetting, UInt64(rotation)), (Self.cursorSetting, cursor),
      (Self.retiredSetting, UInt64(retiredRotation)), (Self.rowsSetting, rowsMoved),
      (Self.peopleSetting, peopleMoved),
    ]
    for (name, number) in settings { try transaction.put(ConsentTables.settings, name, number) }
  }

  private static let rotationSetting = "rotation"
  private static let cursorSetting = "rotation_cursor"
  private static let retiredSetting = "rotation_retired"
  private static let rowsSetting = "rotation_rows_moved"
  private static let peopleSetting = "rotation_people_moved"
}
