internal import WireFormat

// Between the runtime's own types and the messages of wire/v1/frame.proto.

extension Status {
  /// The error as it is sent, within the limits of the schema.
  init(_ error: RPCError) {
    self.init()
    code = error.code.rawValue
    message = error.message.prefix(utf8Count: 4_096)
    details = error.details.prefix(16).map { detail in
      var entry = Detail()
      entry.key = detail.key.prefix(utf8Count: 128)
      entry.value = detail.value.prefix(utf8Count: 4_096)
      return entry
    }
  }
}

extension RPCError {
  /// The error of a REPLY whose status is not OK. What cannot be read leaves the code alone.
  init(status: UInt32, payload: UnsafeRawBufferPointer) {
    let code = StatusCode(rawValue: status) ?? .unknown
    guard let sent = try? Status(reading: payload) else {
      self.init(code, "")
      return
    }
    self.init(code, sent.message, details: sent.details.map { StatusDetail($0.key, $0.value) })
  }
}

extension Metadata {
  init(_ entries: [WireFormat.Entry]) {
    self.init()
    for entry in entries { add(entry.key, bytes: entry.value) }
  }

  var wireEntries: [WireFormat.Entry] {
    entries.map { WireFormat.Entry(key: $0.name, value: $0.value) }
  }
}

extension String {
  /// The longest beginning of whole characters with at most so many UTF-8 bytes.
  fileprivate func prefix(utf8Count: Int) -> String {
    guard utf8.count > utf8Count else { return self }
    var byteCount = 0
    let end = indices.first { index in
      byteCount += self[index].utf8.count
      return byteCount > utf8Count
    }
    return String(self[..<(end ?? endIndex)])
  }
}
