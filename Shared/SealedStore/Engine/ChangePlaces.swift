/// Where the changes of the running transaction stand among its bytes, by the hashes of their keys:
/// of each key the last one.
///
/// Open addressing with steps of one; at most half of the slots are taken.
struct ChangePlaces {
  /// 1 and more: where a change begins, plus 1; 0: nothing.
  private var slots: [UInt32] = []
  private var count = 0
  /// Up to where the bytes are taken in.
  private var byteCount = 0

  /// Takes in what came to `bytes`, which are all of the transaction.
  mutating func extend(over bytes: UnsafeRawBufferPointer) {
    while byteCount < bytes.count {
      // What was encoded in this process decodes.
      guard let change = try? unsafe ChangeCoding.change(at: byteCount, in: bytes) else { return }
      if (count + 1) * 2 > slots.count { unsafe grow(bytes) }
      unsafe insert(change.key, at: byteCount, in: bytes)
      byteCount = unsafe change.end
    }
  }

  /// The last change of `key`.
  func find(_ key: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer) -> EncodedChange? {
    guard !slots.isEmpty else { return nil }
    var slot = unsafe slot(of: key)
    while slots[slot] != 0 {
      if let change = try? unsafe ChangeCoding.change(at: Int(slots[slot]) - 1, in: bytes),
        unsafe compareKeys(change.key, key) == 0
      {
        return unsafe (change.key, change.value)
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Forgets everything.
  mutating func removeAll() {
    guard byteCount > 0 else { return }
    slots = []
    count = 0
    byteCount = 0
  }

  private func slot(of key: UnsafeRawBufferPointer) -> Int {
    Int(truncatingIfNeeded: unsafe KeyFilter.hash(key)) & (slots.count - 1)
  }

  private mutating func insert(
    _ key: UnsafeRawBufferPointer, at offset: Int, in bytes: UnsafeRawBufferPointer
  ) {
    var slot = unsafe slot(of: key)
    while slots[slot] != 0 {
      if let other = try? unsafe ChangeCoding.change(at: Int(slots[slot]) - 1, in: bytes),
        unsafe compareKeys(other.key, key) == 0
      {
        slots[slot] = UInt32(offset + 1)
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = UInt32(offset + 1)
    count += 1
  }

  /// Twice the slots.
  private mutating func grow(_ bytes: UnsafeRawBufferPointer) {
    let old = slots
    slots = [UInt32](repeating: 0, count: max(64, old.count * 2))
    count = 0
    for place in old where place != 0 {
      if let change = try? unsafe ChangeCoding.change(at: Int(place) - 1, in: bytes) {
        unsafe insert(change.key, at: Int(place) - 1, in: bytes)
      }
    }
  }
}
