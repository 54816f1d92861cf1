internal import Glibc
internal import Synchronization

/// One version of one key, in memory that its memtable owns:
/// key's first 8 bytes | position | key's length | value's length | height | links | key | value.
///
/// `@safe`: a node is only ever reached through a memtable, which keeps its memory, and whoever
/// holds a node holds the memtable.
@safe struct MemtableNode {
  static let heightMax = 12
  private static let linksOffset = 32
  private static let removed = UInt32.max

  private let base: UnsafeMutableRawPointer

  /// The node at an address that `address` gave.
  init?(address: UInt) {
    guard let base = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return nil }
    unsafe self.base = unsafe base
  }

  private init(base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

  /// Where it lies in memory.
  var address: UInt { unsafe UInt(bitPattern: base) }

  /// A new node that no link leads to yet. `value` is `nil` for a removal.
  static func make(
    in arena: inout Arena, sequence: UInt64, key: UnsafeRawBufferPointer,
    value: UnsafeRawBufferPointer?, height: Int
  ) -> MemtableNode {
    let keyOffset = linksOffset + 8 * height
    let valueByteCount = unsafe value?.count ?? 0
    let base = unsafe arena.allocate(keyOffset + key.count + valueByteCount)
    unsafe base.storeBytes(of: prefix(of: key), as: UInt64.self)
    unsafe base.storeBytes(of: sequence, toByteOffset: 8, as: UInt64.self)
    unsafe base.storeBytes(of: UInt32(key.count), toByteOffset: 16, as: UInt32.self)
    let lengthMark = unsafe value == nil ? removed : UInt32(valueByteCount)
    unsafe base.storeBytes(of: lengthMark, toByteOffset: 20, as: UInt32.self)
    unsafe base.storeBytes(of: UInt32(height), toByteOffset: 24, as: UInt32.self)
    for level in 0..<height {
      unsafe (base + linksOffset + 8 * level).bindMemory(to: Atomic<UInt>.self, capacity: 1)
        .initialize(to: Atomic(0))
    }
    if let start = key.baseAddress {
      unsafe (base + keyOffset).copyMemory(from: start, byteCount: key.count)
    }
    if let value = unsafe value, let start = value.baseAddress {
      unsafe (base + keyOffset + key.count).copyMemory(from: start, byteCount: value.count)
    }
    return unsafe MemtableNode(base: base)
  }

  /// The position of the change.
  var sequence: UInt64 { unsafe base.load(fromByteOffset: 8, as: UInt64.self) }

  /// The table's number and the key.
  var key: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base + keyOffset, count: keyByteCount)
  }

  /// The sealed value; `nil` when the change removes the key.
  var value: UnsafeRawBufferPointer? {
    let byteCount = unsafe base.load(fromByteOffset: 20, as: UInt32.self)
    guard byteCount != Self.removed else { return nil }
    return unsafe UnsafeRawBufferPointer(
      start: base + keyOffset + keyByteCount, count: Int(byteCount))
  }

  /// The bytes of memory.
  var byteCount: Int { unsafe keyOffset + keyByteCount + (value?.count ?? 0) }

  private var keyByteCount: Int { Int(unsafe base.load(fromByteOffset: 16, as: UInt32.self)) }

  private var keyOffset: Int {
    Self.linksOffset + 8 * Int(unsafe base.load(fromByteOffset: 24, as: UInt32.self))
  }

  // MARK: - Links

  func next(_ level: Int) -> MemtableNode? {
    let bits = unsafe link(level).pointee.load(ordering: .acquiring)
    guard let next = unsafe UnsafeMutableRawPointer(bitPattern: bits) else { return nil }
    return unsafe MemtableNode(base: next)
  }

  func setNext(_ next: MemtableNode?, _ level: Int) {
    let bits = next.map { unsafe UInt(bitPattern: $0.base) } ?? 0
    unsafe link(level).pointee.store(bits, ordering: .releasing)
  }

  private func link(_ level: Int) -> UnsafeMutablePointer<Atomic<UInt>> {
    unsafe (base + Self.linksOffset + 8 * level).assumingMemoryBound(to: Atomic<UInt>.self)
  }

  // MARK: - Order

  /// `prefix(of:)` of the key.
  var prefix: UInt64 { unsafe base.load(as: UInt64.self) }

  /// The key's first 8 bytes as a number, so that most comparisons are one instruction.
  static func prefix(of key: UnsafeRawBufferPointer) -> UInt64 {
    if key.count >= 8 { return unsafe UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)) }
    var prefix: UInt64 = 0
    for index in 0..<8 {
      prefix = unsafe prefix << 8 | (index < key.count ? UInt64(key[index]) : 0)
    }
    return prefix
  }

  /// Negative when this key sorts before `other`, 0 when they are the same.
  func compare(_ other: UnsafeRawBufferPointer) -> Int {
    unsafe compareKeys(key, other)
  }

  /// Whether the node stands before a version of `key` at `sequence`: newer versions come first.
  func precedes(_ key: UnsafeRawBufferPointer, prefix: UInt64, sequence: UInt64) -> Bool {
    let ownPrefix = self.prefix
    if ownPrefix != prefix { return ownPrefix < prefix }
    let order = unsafe compare(key)
    return order < 0 || (order == 0 && self.sequence > sequence)
  }
}

/// No bytes at all: before every key.
var noBytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: nil, count: 0) }

/// Compares as LMDB does: byte by byte, the shorter first.
func compareKeys(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
  let common = min(left.count, right.count)
  if common > 0, let leftStart = left.baseAddress, let rightStart = right.baseAddress {
    let order = unsafe memcmp(leftStart, rightStart, common)
    if order != 0 { return Int(order) }
  }
  return left.count - right.count
}
