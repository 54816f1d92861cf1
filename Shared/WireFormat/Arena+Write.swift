package import CProtobufC

// How generated code copies Swift values into protobuf-c's structures.
extension Arena {
  /// A text with a NUL at its end; one within it becomes U+FFFD.
  package func text(_ text: String) -> UnsafeMutablePointer<CChar> {
    var text = text
    let copy: UnsafeMutablePointer<CChar>? = text.withUTF8 { utf8 in
      if unsafe utf8.contains(0) { return nil }
      let start = unsafe allocate(CChar.self, count: utf8.count + 1)
      unsafe UnsafeMutableRawBufferPointer(start: start, count: utf8.count)
        .copyMemory(from: UnsafeRawBufferPointer(utf8))
      unsafe start[utf8.count] = 0
      return unsafe start
    }
    if let copy = unsafe copy { return unsafe copy }
    return unsafe self.text(String(text.map { $0 == "\0" ? "\u{FFFD}" : $0 }))
  }

  /// A byte list.
  package func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    unsafe ProtobufCBinaryData(len: bytes.count, data: elements(bytes))
  }

  /// The elements of a list of plain values, copied at once; nil for an empty list.
  package func elements<Element: BitwiseCopyable>(
    _ elements: [Element]
  ) -> UnsafeMutablePointer<Element>? {
    if elements.isEmpty { return nil }
    let start = unsafe allocate(Element.self, count: elements.count)
    unsafe elements.withUnsafeBufferPointer { source in
      if let first = source.baseAddress {
        unsafe start.initialize(from: first, count: source.count)
      }
    }
    return unsafe start
  }

  /// A list of texts; nil for an empty list.
  package func texts(
    _ texts: [String]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
    if texts.isEmpty { return nil }
    let start = unsafe allocate(UnsafeMutablePointer<CChar>?.self, count: texts.count)
    for index in 0..<texts.count {
      unsafe (start + index).initialize(to: self.text(texts[index]))
    }
    return unsafe start
  }

  /// A list of byte lists; nil for an empty list.
  package func byteLists(_ lists: [[UInt8]]) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
    if lists.isEmpty { return nil }
    let start = unsafe allocate(ProtobufCBinaryData.self, count: lists.count)
    for (index, bytes) in lists.enumerated() {
      unsafe (start + index).initialize(to: self.bytes(bytes))
    }
    return unsafe start
  }

  /// A message's structure.
  package func message<Message: CopiedThroughC>(
    _ message: Message
  ) -> UnsafeMutablePointer<Message.CMessage> {
    // Not by way of `allocate(_:count:)`, which would look the type of the pointer up.
    let block = unsafe allocate(byteCount: MemoryLayout<Message.CMessage>.size)
    let copy = unsafe block.assumingMemoryBound(to: Message.CMessage.self)
    unsafe Message.prepare(copy)
    unsafe message.copy(to: copy, in: self)
    return unsafe copy
  }

  /// The structures of a list of messages; nil for an empty list.
  package func messages<Message: CopiedThroughC>(
    _ messages: [Message]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<Message.CMessage>?>? {
    if messages.isEmpty { return nil }
    // As plain addresses: an array of pointers to a type that is only known at run time would have
    // that type's pointers looked up for every message.
    let wordByteCount = unsafe MemoryLayout<UnsafeMutableRawPointer>.size
    let start = unsafe allocate(byteCount: wordByteCount * messages.count)
    for index in 0..<messages.count {
      let copy = unsafe UnsafeMutableRawPointer(message(messages[index]))
      unsafe start.storeBytes(
        of: copy, toByteOffset: wordByteCount * index, as: UnsafeMutableRawPointer.self)
    }
    return unsafe start.assumingMemoryBound(to: UnsafeMutablePointer<Message.CMessage>?.self)
  }
}
