internal import PrivacyCore
package import SealedStore

/// What a store keeps of people who are renamed, until the rotation is over.
package enum RenamingTables {
  /// Under each name of a renamed person: where the rows stand, and the other names.
  static let places = StoreTable<PseudonymousID, PlaceRecord>("places", id: 61_010)

  /// The places whose rows are still to be moved, so that the job finds its work without a search.
  static let moves = StoreTable<PseudonymousID, MoveRecord>("moves", id: 61_011)

  /// What was done, by rotation.
  static let tallies = StoreTable<UInt32, RekeyTally>("rekeying", id: 61_012)

  /// The last rotation that is over, under `RetiredRotation.name`.
  static let retired = StoreTable<String, UInt64>("retired_rotations", id: 61_013)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [places, moves, tallies, retired]

  static let retiredName = "last"
}

/// Where the rows of a renamed person stand: `rotation (4) | place (32) | names (32 each)`.
struct PlaceRecord: StoreValue, Equatable {
  /// The rotation of the last renaming.
  var rotation: UInt32
  /// The pid that the rows stand under.
  var place: PseudonymousID
  /// Every pid that means the person, oldest first.
  var names: [PseudonymousID]

  init(rotation: UInt32, place: PseudonymousID, names: [PseudonymousID]) {
    self.rotation = rotation
    self.place = place
    self.names = names
  }

  func encodeValue() -> [UInt8] {
    var bytes = rotation.bigEndianBytes
    bytes.append(contentsOf: place.bytes)
    for name in names { bytes.append(contentsOf: name.bytes) }
    return bytes
  }

  init(storedValue bytes: [UInt8]) throws {
    guard let (rotation, pids) = PIDList.read(bytes), pids.count >= 2 else {
      throw StoreError.corrupted("the place of a person cannot be read")
    }
    self.init(rotation: rotation, place: pids[0], names: Array(pids[1...]))
  }
}

/// Where rows are to go: `rotation (4) | pid (32)`.
struct MoveRecord: StoreValue, Equatable {
  var rotation: UInt32
  var target: PseudonymousID

  init(rotation: UInt32, target: PseudonymousID) {
    self.rotation = rotation
    self.target = target
  }

  func encodeValue() -> [UInt8] { rotation.bigEndianBytes + target.bytes }

  init(storedValue bytes: [UInt8]) throws {
    guard let (rotation, pids) = PIDList.read(bytes), pids.count == 1 else {
      throw StoreError.corrupted("what is to be moved cannot be read")
    }
    self.init(rotation: rotation, target: pids[0])
  }
}

/// What was done for a rotation: four numbers of 8 bytes.
struct RekeyTally: StoreValue, Equatable {
  var renamings: UInt64 = 0
  var rowsMoved: UInt64 = 0
  var peopleMoved: UInt64 = 0
  var peopleLeft: UInt64 = 0

  init() {}

  func encodeValue() -> [UInt8] {
    [renamings, rowsMoved, peopleMoved, peopleLeft].flatMap(\.bigEndianBytes)
  }

  init(storedValue bytes: [UInt8]) throws {
    guard bytes.count == 32 else { throw StoreError.corrupted("the tally of a rotation") }
    let numbers = stride(from: 0, to: 32, by: 8).map { start in
      bytes[start..<(start + 8)].reduce(0) { $0 << 8 | UInt64($1) }
    }
    (renamings, rowsMoved, peopleMoved, peopleLeft) = (
      numbers[0], numbers[1], numbers[2], numbers[3]
    )
  }
}

private enum PIDList {
  static func read(_ bytes: [UInt8]) -> (rotation: UInt32, pids: [PseudonymousID])? {
    guard bytes.count >= 4, (bytes.count - 4) % PseudonymousID.byteCount == 0 else { return nil }
    let rotation = bytes[..<4].reduce(0) { $0 << 8 | UInt32($1) }
    let pids = stride(from: 4, to: bytes.count, by: PseudonymousID.byteCount).compactMap {
      PseudonymousID(bytes: Array(bytes[$0..<($0 + PseudonymousID.byteCount)]))
    }
    return (rotation, pids)
  }
}

extension FixedWidthInteger {
  fileprivate var bigEndianBytes: [UInt8] {
    (0..<(Self.bitWidth / 8)).map {
      UInt8(truncatingIfNeeded: self >> (Self.bitWidth - 8 - 8 * $0))
    }
  }
}
