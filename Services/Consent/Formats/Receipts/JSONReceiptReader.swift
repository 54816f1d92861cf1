internal import PrivacyCore

/// Reads receipts in the JSON form from chunks that may end anywhere: one list of them, or objects
/// one after the other, with any white space in between, as people write JSON by hand.
///
/// What is wrong is told with the line it begins on, and the next object is read. Holds one object
/// at a time.
package struct JSONReceiptReader: Sendable {
  /// What may come next.
  private enum Due: Sendable {
    /// An object or a list: the file may end here.
    case value
    /// The first object of a list, or its end.
    case firstElement
    /// An object of a list.
    case element
    /// A comma, or the end of the list.
    case comma
  }

  /// What the bytes in hand belong to.
  private enum Part: Sendable {
    case between
    case object
    /// Something that should not be there; goes on to the end of its line or to the next object.
    case stray
  }

  private var due = Due.value
  private var part = Part.between
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  private var pending: [UInt8] = []
  /// The object in hand is too long: its rest is passed over.
  private var isSkipping = false
  private var line = 1
  /// Where the part in hand begins.
  private var startLine = 1
  private var startOffset = 0
  /// How much came in before the chunk in hand.
  private var offset = 0

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// A reader at the beginning of a file.
  package init() {}

  /// The receipts that end within `chunk`, in order.
  package mutating func read(_ chunk: some Collection<UInt8>) -> [ReceiptRow] {
    let bytes = Array(chunk)
    var rows: [ReceiptRow] = []
    var index = 0
    // Where the part in hand goes on in this chunk.
    var start = 0
    while index < bytes.count {
      let byte = bytes[index]
      switch part {
      case .object:
        index += 1
        if byte == UInt8(ascii: "\n") { line += 1 }
        guard endsObject(byte) else { continue }
        keep(bytes[start..<index])
        rows.append(endObject(at: offset + index))
        start = index
      case .stray:
        if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "{") {
          rows.append(endStray(at: offset + index))
        } else {
          index += 1
        }
      case .between:
        if byte == UInt8(ascii: "{") {
          begin(.object, at: offset + index)
          start = index
        } else if !takesBetween(byte, at: offset + index) {
          begin(.stray, at: offset + index)
        } else {
          index += 1
        }
      }
    }
    if part == .object { keep(bytes[start...]) }
    offset += bytes.count
    return rows
  }

  /// What is left over, where the file ends too early; the reader is done then.
  package mutating func finish() -> [ReceiptRow] {
    var rows: [ReceiptRow] = []
    switch part {
    case .object: rows.append(refused("the object does not end", at: offset))
    case .stray: rows.append(endStray(at: offset))
    case .between: break
    }
    if due != .value {
      startLine = line
      startOffset = offset
      rows.append(refused("the list does not end", at: offset))
    }
    part = .between
    due = .value
    return rows
  }

  // MARK: - Parts

  private mutating func begin(_ part: Part, at offset: Int) {
    self.part = part
    startLine = line
    startOffset = offset
  }

  /// Takes what may stand between objects; false for anything else.
  private mutating func takesBetween(_ byte: UInt8, at offset: Int) -> Bool {
    switch (byte, due) {
    case (UInt8(ascii: "\n"), _): line += 1
    case (UInt8(ascii: " "), _), (UInt8(ascii: "\t"), _), (UInt8(ascii: "\r"), _): break
    case (UInt8(ascii: "["), .value): due = .firstElement
    case (UInt8(ascii: "]"), .firstElement), (UInt8(ascii: "]"), .comma): due = .value
    case (UInt8(ascii: ","), .comma): due = .element
    default: return offset < 3 && byte == Self.byteOrderMark[offset]
    }
    return true
  }

  /// Whether `byte`, the next one of the object, ends it.
  private mutating func endsObject(_ byte: UInt8) -> Bool {
    if isInString {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        isInString = false
      }
      return false
    }
    switch byte {
    case UInt8(ascii: "\""): isInString = true
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      return depth == 0
    default: break
    }
    return false
  }

  private mutating func keep(_ bytes: ArraySlice<UInt8>) {
    if !isSkipping, pending.count + bytes.count <= ReceiptLimits.lineByteCountMax {
      pending.append(contentsOf: bytes)
    } else {
      isSkipping = true
      pending.removeAll(keepingCapacity: true)
    }
  }

  private mutating func endObject(at end: Int) -> ReceiptRow {
    let hasComma = due != .comma
    if due != .value { due = .comma }
    guard hasComma else { return refused("expected a comma or the end of the list", at: end) }
    guard !isSkipping else {
      return refused(.lineTooLong(byteCountMax: ReceiptLimits.lineByteCountMax), at: end)
    }
    var text: [UInt8] = []
    swap(&text, &pending)
    defer { part = .between }
    do throws(FormatFault) {
      return ReceiptRow(
        line: startLine, bytes: startOffset..<end,
        outcome: .success(try ReceiptDocument(jsonLine: text[...])))
    } catch {
      return ReceiptRow(
        line: startLine, bytes: startOffset..<end, outcome: .failure(error.onLine(startLine)))
    }
  }

  private mutating func endStray(at end: Int) -> ReceiptRow {
    refused("expected a receipt: an object between braces", at: end)
  }

  private mutating func refused(_ what: String, at end: Int) -> ReceiptRow {
    refused(.malformedJSON(what), at: end)
  }

  /// Ends the part in hand, which is no receipt.
  private mutating func refused(_ reason: FormatFault.Reason, at end: Int) -> ReceiptRow {
    pending.removeAll(keepingCapacity: true)
    isSkipping = false
    depth = 0
    isInString = false
    isEscaped = false
    part = .between
    return ReceiptRow(
      line: startLine, bytes: startOffset..<end,
      outcome: .failure(FormatFault(reason, line: startLine)))
  }
}
