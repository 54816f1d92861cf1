/// A walk in key order over layers in memory and one table below them. Of equal keys the first
/// layer's version counts; a removal hides what is below.
@safe struct MergedWalk: ~Copyable {
  private let layers: [Memtable]
  private let limit: UInt64
  private let cursor: Cursor?
  private let lower: UnsafeRawBufferPointer
  private let upper: UnsafeRawBufferPointer
  private let reverse: Bool
  private var heads: [MemtableNode?]
  private var row: Cursor.Row?

  /// The keys from `lower` to before `upper`; both begin with the table's number and must outlive
  /// the walk.
  init(
    layers: [Memtable], limit: UInt64, cursor: consuming Cursor?, lower: UnsafeRawBufferPointer,
    upper: UnsafeRawBufferPointer, reverse: Bool
  ) throws(StoreError) {
    self.layers = layers
    self.limit = limit
    self.cursor = cursor
    unsafe self.lower = unsafe lower
    unsafe self.upper = unsafe upper
    self.reverse = reverse
    heads = []
    unsafe row = nil
    for layer in layers {
      heads.append(
        unsafe inRange(
          reverse
            ? layer.last(before: upper, limit: limit) : layer.first(from: lower, limit: limit)))
    }
    let tableLower = unsafe UnsafeRawBufferPointer(rebasing: lower.dropFirst(2))
    if !reverse {
      unsafe row = unsafe inRange(try self.cursor?.first(from: tableLower))
    } else if upper.count == 2 {
      // The upper bound is the next table's number: the range ends where this table does.
      unsafe row = unsafe inRange(try self.cursor?.last())
    } else {
      let tableUpper = unsafe UnsafeRawBufferPointer(rebasing: upper.dropFirst(2))
      unsafe row = unsafe inRange(try self.cursor?.last(before: tableUpper))
    }
  }

  /// The next row that is not removed: its key without the table's number, and its sealed value.
  mutating func next() throws(StoreError) -> Cursor.Row? {
    while true {
      guard let key = unsafe nextKey() else { return nil }
      var change: MemtableNode?
      for index in layers.indices {
        guard let head = heads[index], unsafe compareKeys(head.tableKey, key) == 0 else { continue }
        if change == nil { change = head }
        heads[index] = unsafe inRange(
          reverse
            ? layers[index].last(before: head.key, limit: limit)
            : layers[index].next(after: head, limit: limit))
      }
      var stored: UnsafeRawBufferPointer?
      if let row = unsafe row, unsafe compareKeys(row.key, key) == 0 {
        unsafe stored = unsafe row.value
        unsafe self.row = unsafe inRange(
          try reverse ? cursor?.previous() : cursor?.next())
      }
      if let change {
        if let value = unsafe change.value { return unsafe (key, value) }
      } else if let stored = unsafe stored {
        return unsafe (key, stored)
      }
    }
  }

  /// The first key, in the walk's direction, that a layer or the table stands at.
  private func nextKey() -> UnsafeRawBufferPointer? {
    var best = unsafe row?.key
    for case let head? in heads {
      guard let current = unsafe best else {
        unsafe best = unsafe head.tableKey
        continue
      }
      let order = unsafe compareKeys(head.tableKey, current)
      if reverse ? order > 0 : order < 0 { unsafe best = unsafe head.tableKey }
    }
    return unsafe best
  }

  private func inRange(_ node: MemtableNode?) -> MemtableNode? {
    guard let node, unsafe compareKeys(node.key, lower) >= 0,
      unsafe compareKeys(node.key, upper) < 0
    else { return nil }
    return node
  }

  private func inRange(_ row: Cursor.Row?) -> Cursor.Row? {
    guard let row = unsafe row else { return nil }
    let tableLower = unsafe UnsafeRawBufferPointer(rebasing: lower.dropFirst(2))
    let tableUpper = unsafe UnsafeRawBufferPointer(rebasing: upper.dropFirst(2))
    guard unsafe compareKeys(row.key, tableLower) >= 0,
      unsafe upper.count == 2 || compareKeys(row.key, tableUpper) < 0
    else { return nil }
    return unsafe row
  }
}

extension MemtableNode {
  /// The key without the table's number.
  var tableKey: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(rebasing: key.dropFirst(2))
  }
}
