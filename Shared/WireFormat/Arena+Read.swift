package import CProtobufC

#if canImport(Glibc)
  internal import Glibc
#endif

// How generated code copies protobuf-c's structures, unpacked into this arena, to Swift values.
extension Arena {
  /// A text, checked for its limit, NUL and UTF-8.
  package func text(
    _ text: UnsafeMutablePointer<CChar>?, field: String, maxBytes: Int = .max
  ) throws(WireError) -> String {
    // Absent texts are nil or protobuf-c's own empty text, which no block of the arena holds.
    guard let text = unsafe text, unsafe text != protobuf_c_empty_text() else { return "" }
    let byteCount = unsafe self.byteCount(ofBlock: text) - 1
    try check(byteCount, field: field, maxBytes: maxBytes)
    let bytes = unsafe UnsafeRawBufferPointer(start: text, count: byteCount)
    guard unsafe memchr(text, 0, byteCount) == nil,
      let copy = unsafe String(validating: bytes, as: UTF8.self)
    else { throw .invalidText(field: field) }
    return copy
  }

  /// A byte list, checked for its limit.
  package func bytes(
    _ bytes: ProtobufCBinaryData, field: String, maxBytes: Int = .max
  ) throws(WireError) -> [UInt8] {
    try unsafe check(bytes.len, field: field, maxBytes: maxBytes)
    return unsafe [UInt8](UnsafeBufferPointer(start: bytes.data, count: bytes.len))
  }

  /// The elements of a list of plain values, copied at once.
  package func elements<Element: BitwiseCopyable>(
    _ start: UnsafeMutablePointer<Element>?, count: Int, field: String, maxCount: Int = .max
  ) throws(WireError) -> [Element] {
    try check(count, field: field, maxCount: maxCount)
    return unsafe [Element](UnsafeBufferPointer(start: start, count: count))
  }

  /// A list of texts.
  package func texts(
    _ start: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, count: Int, field: String,
    maxBytes: Int = .max, maxCount: Int = .max
  ) throws(WireError) -> [String] {
    try check(count, field: field, maxCount: maxCount)
    var texts: [String] = []
    texts.reserveCapacity(count)
    for index in 0..<count {
      texts.append(try unsafe text(start?[index], field: field, maxBytes: maxBytes))
    }
    return texts
  }

  /// A list of byte lists.
  package func byteLists(
    _ start: UnsafeMutablePointer<ProtobufCBinaryData>?, count: Int, field: String,
    maxBytes: Int = .max, maxCount: Int = .max
  ) throws(WireError) -> [[UInt8]] {
    try check(count, field: field, maxCount: maxCount)
    var lists: [[UInt8]] = []
    lists.reserveCapacity(count)
    let elements = unsafe UnsafeBufferPointer(start: start, count: count)
    for index in 0..<count {
      lists.append(try unsafe bytes(elements[index], field: field, maxBytes: maxBytes))
    }
    return lists
  }

  /// A message; nil when it is absent.
  package func message<Message: CopiedThroughC>(
    _ message: UnsafeMutablePointer<Message.CMessage>?, as type: Message.Type
  ) throws(WireError) -> Message? {
    guard let message = unsafe message else { return nil }
    return try unsafe Message(copying: message, in: self)
  }

  /// A list of messages.
  package func messages<Message: CopiedThroughC>(
    _ start: UnsafeMutablePointer<UnsafeMutablePointer<Message.CMessage>?>?, count: Int,
    field: String, maxCount: Int = .max, as type: Message.Type
  ) throws(WireError) -> [Message] {
    try check(count, field: field, maxCount: maxCount)
    var messages: [Message] = []
    messages.reserveCapacity(count)
    guard let start = UnsafeMutableRawPointer(start) else { return messages }
    // As plain addresses, for the reason that `messages` of a message to be sent gives.
    let addresses = unsafe start.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    for index in 0..<count {
      guard let address = unsafe addresses[index] else { continue }
      let message = unsafe address.assumingMemoryBound(to: Message.CMessage.self)
      messages.append(try unsafe Message(copying: message, in: self))
    }
    return messages
  }

  private func check(_ count: Int, field: String, maxBytes: Int) throws(WireError) {
    if count > maxBytes { throw .tooManyBytes(field: field, count: count, limit: maxBytes) }
  }

  private func check(_ count: Int, field: String, maxCount: Int) throws(WireError) {
    if count > maxCount { throw .tooManyElements(field: field, count: count, limit: maxCount) }
  }
}
