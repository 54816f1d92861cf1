/// What is to happen later, in the order of its time; what is due at the same time comes in the
/// order in which it was entered.
struct Agenda {
  struct Entry {
    let time: Int64
    let order: UInt64
    let process: SimulatedProcess?
    let action: Item
  }

  private var heap: [Entry] = []
  private var nextOrder: UInt64 = 0

  var nextTime: Int64? { heap.first?.time }

  mutating func add(at time: Int64, for process: SimulatedProcess?, _ action: Item) {
    nextOrder += 1
    heap.append(Entry(time: time, order: nextOrder, process: process, action: action))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard Self.precedes(heap[child], heap[parent]) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// Takes the first entry if it is due at `now`.
  mutating func take(dueAt now: Int64) -> Entry? {
    guard let first = heap.first, first.time <= now else { return nil }
    removeFirst()
    return first
  }

  /// Takes all that is left.
  mutating func takeAll() -> [Entry] {
    defer { heap = [] }
    return heap
  }

  private mutating func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var first = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if Self.precedes(heap[child], heap[first]) { first = child }
      }
      if first == parent { return }
      heap.swapAt(parent, first)
      parent = first
    }
  }

  private static func precedes(_ left: Entry, _ right: Entry) -> Bool {
    (left.time, left.order) < (right.time, right.order)
  }
}

/// One step of a process.
enum Item {
  /// Something that runs on the event loop.
  case loop(() -> Void, drop: (() -> Void)?)
  /// A part of a Swift task.
  case job(UnownedJob)
}
