package import ConsentAPI
internal import ConsentFormats
internal import Foundation
internal import RPC
internal import ServiceKit
internal import Synchronization

/// Reads a file of receipts and has the consent service record them: read here, sent as messages,
/// answered chunk by chunk once it is durable there. What is refused, here or there, goes to the
/// list of rejects with its text. Can be repeated: what is there already counts as duplicate.
package struct ReceiptImport: Sendable {
  /// No further receipt goes into a chunk of so many, or of so many bytes in the file: a message has
  /// its limit.
  package static let chunkReceiptCount = 4_000
  package static let chunkByteCount = 1 << 20
  /// The most bytes in the file that may belong to one receipt, or to what is none.
  package static let textByteCountMax = 1 << 20

  /// What became of a file.
  package struct Outcome: Hashable, Sendable {
    /// Receipts recorded.
    package var accepted: UInt64 = 0
    /// Receipts that were there already.
    package var duplicates: UInt64 = 0
    /// What was refused, here or by the service.
    package var rejected: UInt64 = 0
    /// The last line that is taken care of: durable, there already, or in the list of rejects.
    package var lastLine = 0
  }

  private let format: ReceiptFileFormat
  private let path: String
  private let rejects: ImportRejects
  private let report: @Sendable (Double?, Int) -> Void

  /// The import of the file at `path`; `-` is standard input, and what ends in `.gz` is decompressed.
  ///
  /// - Parameter report: is told how much of the file was read, where that is known, and up to which
  ///   line everything is taken care of.
  package init(
    _ path: String, format: ReceiptFileFormat, rejects: ImportRejects,
    report: @escaping @Sendable (Double?, Int) -> Void = { _, _ in }
  ) {
    self.path = path
    self.format = format
    self.rejects = rejects
    self.report = report
  }

  /// Runs it.
  ///
  /// - Throws: `CommandFailure` for a file that cannot be read or is none of the format; what the
  ///   connection throws. Everything up to the line last reported is taken care of all the same.
  package func run(_ client: ConsentClient) async throws -> Outcome {
    let source = try ByteSource(path: path)
    let stream = try await client.import()
    let queue = ChunkQueue()
    // Answers are read while chunks are sent: the server stops reading when nobody takes them.
    async let outcome = take(stream, queue)
    do {
      try await send(source, to: stream, queue)
      try await stream.finish()
    } catch let fault as FormatFault {
      stream.cancel()
      throw CommandFailure("\(path): \(fault)")
    } catch let failure as CommandFailure {
      stream.cancel()
      throw failure
    } catch {
      // The answers say why the service ended the call.
    }
    var result = try await outcome
    // What no receipt came behind.
    while let chunk = queue.next() {
      guard chunk.receipts.isEmpty else {
        throw CommandFailure("the service has not answered for everything; repeat the import")
      }
      try settle(chunk, [:], &result)
    }
    return result
  }

  // MARK: - Sending

  private func send(
    _ source: ByteSource, to stream: ClientStream<ImportChunk, ImportProgress>,
    _ queue: ChunkQueue
  ) async throws {
    var reader = ReceiptFileReader(format)
    var builder = ChunkBuilder()
    var hasHeader = false
    while true {
      let data = try source.next()
      let rows: [ReceiptRow]
      if let data {
        let bytes = [UInt8](data)
        builder.append(bytes)
        rows = try reader.read(bytes)
      } else {
        rows = try reader.finish()
      }
      if !hasHeader, let header = reader.header {
        rejects.setHeader(builder.text(header))
        hasHeader = true
      }
      for row in rows {
        builder.add(row)
        if builder.isFull { try await send(builder.take(), to: stream, queue) }
      }
      guard builder.unreadByteCount <= Self.textByteCountMax + (1 << 20) else {
        throw CommandFailure(
          "what begins behind line \(builder.lastLine) of \(path) is longer than "
            + "\(Self.textByteCountMax) bytes; is it a file of receipts?")
      }
      report(source.fraction, queue.lastLine)
      if data == nil { break }
    }
    if !builder.isEmpty { try await send(builder.take(), to: stream, queue) }
  }

  private func send(
    _ chunk: SentChunk, to stream: ClientStream<ImportChunk, ImportProgress>,
    _ queue: ChunkQueue
  ) async throws {
    queue.append(chunk)
    guard !chunk.receipts.isEmpty else { return }
    try await stream.send(ImportChunk(firstLine: 0, receipts: chunk.receipts))
  }

  // MARK: - Answers

  private func take(
    _ stream: ClientStream<ImportChunk, ImportProgress>, _ queue: ChunkQueue
  ) async throws -> Outcome {
    do { return try await takeAll(stream.replies, queue) } catch {
      // Nobody takes answers any more: the other side must not wait for that.
      stream.cancel()
      throw error
    }
  }

  private func takeAll(
    _ replies: ReplyStream<ImportProgress>, _ queue: ChunkQueue
  ) async throws -> Outcome {
    var outcome = Outcome()
    for try await progress in replies {
      // Chunks of rejects alone were not sent.
      while let chunk = queue.next() {
        guard !chunk.receipts.isEmpty else {
          try settle(chunk, [:], &outcome)
          continue
        }
        outcome.accepted = progress.accepted
        outcome.duplicates = progress.duplicates
        let refused = Dictionary(
          progress.rejects.map { (Int($0.line), $0.reason) }, uniquingKeysWith: { $1 })
        try settle(chunk, refused, &outcome)
        break
      }
    }
    return outcome
  }

  /// Puts what was refused of a chunk, here or by the service, into the list in the file's order.
  ///
  /// - Parameter refused: the reasons of the service, by the receipts' places in the chunk.
  private func settle(
    _ chunk: SentChunk, _ refused: [Int: String], _ outcome: inout Outcome
  ) throws {
    var list = chunk.rejects
    for (index, reason) in refused where chunk.places.indices.contains(index) {
      list.append(chunk.reject(chunk.places[index], reason))
    }
    list.sort { ($0.line, $0.text.startIndex) < ($1.line, $1.text.startIndex) }
    try rejects.add(list)
    outcome.rejected += UInt64(list.count)
    outcome.lastLine = chunk.lastLine
  }
}

/// A part of a file: its receipts, where each stands, and what is wrong already.
private struct SentChunk: Sendable {
  struct Place: Sendable {
    let line: Int
    let bytes: Range<Int>
  }

  /// The bytes of the file from `start` on.
  let bytes: [UInt8]
  let start: Int
  var receipts: [Receipt] = []
  var places: [Place] = []
  var rejects: [ImportRejects.Reject] = []
  var lastLine = 0

  func reject(_ place: Place, _ reason: String) -> ImportRejects.Reject {
    ImportRejects.Reject(line: place.line, reason: reason, text: text(place.bytes))
  }

  private func text(_ range: Range<Int>) -> ArraySlice<UInt8> {
    bytes[range.lowerBound - start..<range.upperBound - start].withoutLineEnd
  }
}

extension ArraySlice<UInt8> {
  fileprivate var withoutLineEnd: ArraySlice<UInt8> {
    var text = self
    if text.last == UInt8(ascii: "\n") { text = text.dropLast() }
    if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
    return text
  }
}

/// Makes chunks of what is read.
private struct ChunkBuilder {
  private var bytes: [UInt8] = []
  private var start = 0
  private var rows: [ReceiptRow] = []
  /// Where the last row ends in the file.
  private var end = 0
  private(set) var lastLine = 0

  mutating func append(_ more: [UInt8]) {
    if bytes.isEmpty { bytes = more } else { bytes += more }
  }

  mutating func add(_ row: ReceiptRow) {
    end = row.bytes.upperBound
    lastLine = row.line
    if !row.isEmpty { rows.append(row) }
  }

  /// A text that was just read.
  func text(_ range: Range<Int>) -> ArraySlice<UInt8> {
    bytes[range.lowerBound - start..<range.upperBound - start].withoutLineEnd
  }

  var isEmpty: Bool { rows.isEmpty }

  var isFull: Bool {
    rows.count >= ReceiptImport.chunkReceiptCount || end - start >= ReceiptImport.chunkByteCount
  }

  /// The bytes behind the last row.
  var unreadByteCount: Int { start + bytes.count - end }

  /// The rows so far.
  mutating func take() -> SentChunk {
    var chunk = SentChunk(bytes: Array(bytes[..<(end - start)]), start: start)
    bytes.removeFirst(end - start)
    start = end
    chunk.lastLine = lastLine
    chunk.receipts.reserveCapacity(rows.count)
    chunk.places.reserveCapacity(rows.count)
    for row in rows {
      let place = SentChunk.Place(line: row.line, bytes: row.bytes)
      switch row.outcome {
      case .success(let document):
        chunk.receipts.append(Receipt(document))
        chunk.places.append(place)
      case .failure(let fault):
        chunk.rejects.append(chunk.reject(place, ReceiptRefusal(fault).description))
      }
    }
    rows.removeAll(keepingCapacity: true)
    return chunk
  }
}

/// The chunks whose answers have not come, in the order they were sent.
private final class ChunkQueue: Sendable {
  private let state = Mutex<(chunks: [SentChunk], lastLine: Int)>(([], 0))

  func append(_ chunk: SentChunk) { state.withLock { $0.chunks.append(chunk) } }

  func next() -> SentChunk? {
    state.withLock { state in
      guard !state.chunks.isEmpty else { return nil }
      let chunk = state.chunks.removeFirst()
      state.lastLine = chunk.lastLine
      return chunk
    }
  }

  /// The last line of the chunk that was taken last.
  var lastLine: Int { state.withLock { $0.lastLine } }
}
