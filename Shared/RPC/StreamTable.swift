/// The open streams of a connection by id.
///
/// Ids are odd and rise by two, so that the open ones lie side by side: an id's place follows from
/// the id itself. Where a stream that stays long has the place of a new one, the new one goes into
/// a dictionary.
struct StreamTable {
  private var places: [CallStream?] = Array(repeating: nil, count: 64)
  private var others: [UInt32: CallStream] = [:]
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// The streams, in the order of their ids.
  var sorted: [CallStream] {
    (places.compactMap(\.self) + others.values).sorted { $0.id < $1.id }
  }

  subscript(id: UInt32) -> CallStream? {
    if let stream = places[place(of: id)], stream.id == id { return stream }
    return others.isEmpty ? nil : others[id]
  }

  /// Adds a stream whose id is not there yet.
  mutating func insert(_ stream: CallStream) {
    if count * 2 >= places.count { grow() }
    put(stream)
    count += 1
  }

  mutating func remove(_ id: UInt32) {
    let place = place(of: id)
    if let stream = places[place], stream.id == id {
      places[place] = nil
      count -= 1
    } else if !others.isEmpty, others.removeValue(forKey: id) != nil {
      count -= 1
    }
  }

  mutating func removeAll() { self = StreamTable() }

  private func place(of id: UInt32) -> Int { Int(id >> 1) & (places.count - 1) }

  private mutating func put(_ stream: CallStream) {
    let place = place(of: stream.id)
    if places[place] == nil {
      places[place] = stream
    } else {
      others[stream.id] = stream
    }
  }

  private mutating func grow() {
    let streams = sorted
    places = Array(repeating: nil, count: places.count * 2)
    others = [:]
    for stream in streams { put(stream) }
  }
}
