/// The bytes of tiles and entry bundles (C2SP tlog-tiles).
public enum TileCoding {
  /// The most bytes of an entry: its length has two bytes.
  public static let entryByteCountMax = Int(UInt16.max)

  /// A tile: its hashes, one behind the other.
  public static func encode(_ hashes: [MerkleHash]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(hashes.count * MerkleHash.byteCount)
    for hash in hashes { hash.append(to: &bytes) }
    return bytes
  }

  /// The hashes of a tile of `width`.
  public static func decode(
    tile bytes: [UInt8], width: Int
  ) throws(TransparencyLogError) -> [MerkleHash] {
    guard bytes.count == width * MerkleHash.byteCount else {
      throw .malformed("a tile of width \(width) with \(bytes.count) bytes")
    }
    var hashes: [MerkleHash] = []
    hashes.reserveCapacity(width)
    for start in stride(from: 0, to: bytes.count, by: MerkleHash.byteCount) {
      if let hash = MerkleHash(bytes[start..<start + MerkleHash.byteCount]) { hashes.append(hash) }
    }
    return hashes
  }

  /// A bundle: each entry behind its length, two bytes big-endian.
  ///
  /// - Throws: `tooLarge` for an entry longer than `entryByteCountMax`.
  public static func encode(entries: [[UInt8]]) throws(TransparencyLogError) -> [UInt8] {
    var bytes: [UInt8] = []
    for entry in entries {
      guard entry.count <= entryByteCountMax else {
        throw .tooLarge("bytes of an entry", count: entry.count, limit: entryByteCountMax)
      }
      bytes.append(UInt8(truncatingIfNeeded: entry.count >> 8))
      bytes.append(UInt8(truncatingIfNeeded: entry.count))
      bytes.append(contentsOf: entry)
    }
    return bytes
  }

  /// The entries of a bundle of `width`.
  public static func decode(
    bundle bytes: [UInt8], width: Int
  ) throws(TransparencyLogError) -> [[UInt8]] {
    var entries: [[UInt8]] = []
    var rest = bytes[...]
    while let high = rest.popFirst() {
      guard let low = rest.popFirst() else {
        throw .malformed("an entry bundle that ends within a length")
      }
      let byteCount = Int(high) << 8 | Int(low)
      guard rest.count >= byteCount else {
        throw .malformed("an entry bundle that ends within entry \(entries.count)")
      }
      guard entries.count < width else {
        throw .malformed("an entry bundle with more than its \(width) entries")
      }
      entries.append([UInt8](rest.prefix(byteCount)))
      rest = rest.dropFirst(byteCount)
    }
    guard entries.count == width else {
      throw .malformed("an entry bundle of width \(width) with \(entries.count) entries")
    }
    return entries
  }
}
