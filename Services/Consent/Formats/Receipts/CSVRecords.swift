/// Cuts bytes into CSV records (RFC 4180): cells between commas, quoted ones with commas, line
/// ends and doubled quotation marks in them; records end with CRLF or LF. The chunks that come in
/// may end anywhere; one record is held at a time.
struct CSVRecords: Sendable {
  /// One record; `bytes` is its cells without their quotation marks, one behind the other.
  struct Record {
    let bytes: [UInt8]
    /// Where each cell ends in `bytes`.
    let ends: [Int]
    /// The line it begins on, from 1.
    let line: Int
    /// Where it stands in what was read so far, with its line end.
    let place: Range<Int>
    /// What is wrong with it; its cells mean nothing then.
    let fault: FormatFault.Reason?

    /// The cell at `index`.
    func cell(_ index: Int) -> ArraySlice<UInt8> {
      bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
    }
  }

  private enum State {
    case recordStart, cellStart, plain, quoted, quoteInQuoted, carriageReturn
    /// The record is too long: everything up to the next line feed is passed over, even if that
    /// stands between quotation marks. One lost mark must not swallow the file.
    case skipping
  }

  private static let comma = UInt8(ascii: ",")
  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturnByte = UInt8(ascii: "\r")

  private var state = State.recordStart
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  private var fault: FormatFault.Reason?
  private var hasQuotes = false
  /// The bytes of the record as they stand in the file.
  private var byteCount = 0
  private var line = 1
  private var recordLine = 1
  /// How much came in before the record in hand, and what makes that of an index of the chunk.
  private var recordOffset = 0
  private var shift = 0
  private var offset = 0
  private let byteCountMax: Int

  init(byteCountMax: Int = ReceiptLimits.lineByteCountMax) { self.byteCountMax = byteCountMax }

  /// Passes over bytes in front of the first record.
  mutating func skip(_ byteCount: Int) {
    offset += byteCount
    recordOffset = offset
  }

  /// Hands over each record that ends within `chunk`.
  mutating func read<Failure: Error>(
    _ chunk: ArraySlice<UInt8>, _ take: (Record) throws(Failure) -> Void
  ) throws(Failure) {
    var index = chunk.startIndex
    shift = offset - chunk.startIndex
    defer { offset += chunk.count }
    while index < chunk.endIndex {
      switch state {
      case .recordStart, .cellStart:
        if chunk[index] == Self.quote {
          state = .quoted
          hasQuotes = true
          index += 1
          count(1)
        } else {
          state = .plain
        }
      case .plain: try readPlain(chunk, &index, take)
      case .quoted: readQuoted(chunk, &index)
      case .quoteInQuoted: try readAfterQuote(chunk[index], &index, take)
      case .carriageReturn:
        if chunk[index] == Self.lineFeed {
          index += 1
          try endRecord(at: shift + index, take)
        } else {
          set(.strayCarriageReturn)
          count(1)
          state = state == .skipping ? .skipping : .plain
        }
      case .skipping:
        let end = chunk[index...].firstIndex(of: Self.lineFeed)
        index = end.map { $0 + 1 } ?? chunk.endIndex
        if end != nil { try endRecord(at: shift + index, take) }
      }
    }
  }

  /// Hands over the last record, where no line end closed it.
  mutating func finish<Failure: Error>(
    _ take: (Record) throws(Failure) -> Void
  ) throws(Failure) {
    switch state {
    case .recordStart: return
    case .quoted: set(.unendedQuote)
    case .carriageReturn: set(.strayCarriageReturn)
    case .cellStart, .plain, .quoteInQuoted, .skipping: break
    }
    try endRecord(at: offset, take)
  }

  private mutating func readPlain<Failure: Error>(
    _ chunk: ArraySlice<UInt8>, _ index: inout Int, _ take: (Record) throws(Failure) -> Void
  ) throws(Failure) {
    var end = index
    while end < chunk.endIndex, !Self.isSpecial(chunk[end]) { end += 1 }
    append(chunk[index..<end])
    index = end
    guard state == .plain, end < chunk.endIndex else { return }
    index += 1
    switch chunk[end] {
    case Self.comma: endCell()
    case Self.lineFeed: try endRecord(at: shift + index, take)
    case Self.carriageReturnByte: state = .carriageReturn
    default:
      set(.strayQuote)
      count(1)
    }
  }

  private mutating func readQuoted(_ chunk: ArraySlice<UInt8>, _ index: inout Int) {
    var end = index
    while end < chunk.endIndex, chunk[end] != Self.quote, chunk[end] != Self.lineFeed { end += 1 }
    append(chunk[index..<end])
    index = end
    guard state == .quoted, end < chunk.endIndex else { return }
    if chunk[end] == Self.quote {
      state = .quoteInQuoted
      count(1)
    } else {
      append(chunk[end...end])
      // Where that was too long, the record ends at this line feed, and `skipping` counts it.
      guard state == .quoted else { return }
      line += 1
    }
    index += 1
  }

  private mutating func readAfterQuote<Failure: Error>(
    _ character: UInt8, _ index: inout Int, _ take: (Record) throws(Failure) -> Void
  ) throws(Failure) {
    switch character {
    case Self.quote:
      state = .quoted
      append([Self.quote])
      index += 1
    case Self.comma:
      endCell()
      index += 1
    case Self.lineFeed:
      index += 1
      try endRecord(at: shift + index, take)
    case Self.carriageReturnByte:
      state = .carriageReturn
      index += 1
    default:
      set(.textAfterQuote)
      state = .plain
    }
  }

  private static func isSpecial(_ character: UInt8) -> Bool {
    character == comma || character == lineFeed || character == quote
      || character == carriageReturnByte
  }

  private mutating func append(_ run: ArraySlice<UInt8>) {
    count(run.count)
    if state != .skipping { bytes.append(contentsOf: run) }
  }

  private mutating func count(_ number: Int) {
    byteCount += number
    guard byteCount > byteCountMax else { return }
    fault = .lineTooLong(byteCountMax: byteCountMax)
    state = .skipping
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  /// The first fault of a record is the one that is told.
  private mutating func set(_ reason: FormatFault.Reason) {
    if fault == nil { fault = reason }
  }

  private mutating func endCell() {
    ends.append(bytes.count)
    state = .cellStart
    count(1)
  }

  private mutating func endRecord<Failure: Error>(
    at end: Int, _ take: (Record) throws(Failure) -> Void
  ) throws(Failure) {
    ends.append(bytes.count)
    if bytes.isEmpty, ends.count == 1, !hasQuotes { set(.emptyLine) }
    let record = Record(
      bytes: bytes, ends: ends, line: recordLine, place: recordOffset..<end, fault: fault)
    recordOffset = end
    line += 1
    recordLine = line
    bytes = []
    bytes.reserveCapacity(record.bytes.count)
    ends = []
    ends.reserveCapacity(record.ends.count)
    byteCount = 0
    fault = nil
    hasQuotes = false
    state = .recordStart
    try take(record)
  }
}
