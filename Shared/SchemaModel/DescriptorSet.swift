/// A packed `google.protobuf.FileDescriptorSet` as bytes: what is done to it without unpacking.
package enum DescriptorSet {
  /// The most bytes that are read as a set of another program.
  package static let byteCountMax = 1 << 20

  /// The most levels of messages that stand in messages.
  package static let nestingDepthMax = 16

  // The numbers of descriptor.proto that are needed here.
  private static let file: Int32 = 1
  private static let (package, messageType, sourceInfo): (Int32, Int32, Int32) = (2, 4, 9)
  private static let nestedType: Int32 = 3
  private static let location: Int32 = 1
  private static let (leadingComments, trailingComments): (Int32, Int32) = (3, 4)

  /// The set with the files alone whose package `keeps`, and without what is not needed to read
  /// messages or to show their comments: the positions of everything that has no comment. What
  /// is left is copied byte by byte, so that one input gives one output.
  package static func trimmed(
    _ set: [UInt8], keeps: (_ package: String) -> Bool
  ) throws(WireFault) -> [UInt8] {
    try rewritten(set[...]) { entry throws(WireFault) in
      guard entry.number == file, case .bytes(let bytes) = entry.payload else { return nil }
      guard keeps(try text(package, in: bytes)) else { return [] }
      return wrapped(file, try withoutBarePositions(bytes))
    }
  }

  /// Refuses what protobuf-c should not be given: it unpacks nested messages by recursion without
  /// a limit.
  static func check(_ set: [UInt8], byteCountMax: Int) throws(SchemaError) {
    guard set.count <= byteCountMax else {
      throw SchemaError(
        "the descriptor set has \(set.count) bytes, the limit is \(byteCountMax)")
    }
    do {
      try eachMessage(file, in: set[...]) { file throws(WireFault) -> Void in
        try eachMessage(messageType, in: file) { message throws(WireFault) -> Void in
          try checkNesting(of: message, depth: 1)
        }
      }
    } catch {
      throw SchemaError("the descriptor set does not parse: \(error)")
    }
  }

  // MARK: - Parts

  private static func checkNesting(of message: ArraySlice<UInt8>, depth: Int) throws(WireFault) {
    guard depth <= nestingDepthMax else { throw .nesting }
    try eachMessage(nestedType, in: message) { nested throws(WireFault) -> Void in
      try checkNesting(of: nested, depth: depth + 1)
    }
  }

  private static func eachMessage(
    _ number: Int32, in bytes: ArraySlice<UInt8>,
    _ body: (ArraySlice<UInt8>) throws(WireFault) -> Void
  ) throws(WireFault) {
    var scanner = WireScanner(bytes)
    while let entry = try scanner.next() {
      if entry.number == number, case .bytes(let bytes) = entry.payload { try body(bytes) }
    }
  }

  private static func withoutBarePositions(
    _ file: ArraySlice<UInt8>
  ) throws(WireFault) -> [UInt8] {
    try rewritten(file) { entry throws(WireFault) in
      guard entry.number == sourceInfo, case .bytes(let info) = entry.payload else { return nil }
      let commented = try rewritten(info) { entry throws(WireFault) in
        guard entry.number == location, case .bytes(let bytes) = entry.payload else { return nil }
        let comments =
          try text(leadingComments, in: bytes) + text(trailingComments, in: bytes)
        return comments.isEmpty ? [] : nil
      }
      return wrapped(sourceInfo, commented)
    }
  }

  /// The message with each field replaced by what `body` gives; `nil` leaves it as it is.
  private static func rewritten(
    _ message: ArraySlice<UInt8>, _ body: (WireScanner.Entry) throws(WireFault) -> [UInt8]?
  ) throws(WireFault) -> [UInt8] {
    var result: [UInt8] = []
    var scanner = WireScanner(message)
    while let entry = try scanner.next() {
      if let replacement = try body(entry) {
        result += replacement
      } else {
        result += entry.whole
      }
    }
    return result
  }

  private static func text(
    _ number: Int32, in message: ArraySlice<UInt8>
  ) throws(WireFault) -> String {
    var text = ""
    try eachMessage(number, in: message) { bytes throws(WireFault) -> Void in
      text = String(decoding: bytes, as: UTF8.self)
    }
    return text
  }

  private static func wrapped(_ number: Int32, _ message: [UInt8]) -> [UInt8] {
    WireWriter.field(number, message)
  }
}
