package import ConsentAPI
internal import ConsentFormats
package import RPC

extension ConsentService {
  package func export(
    _ request: ExportRequest, replies: ReplyWriter<ExportChunk>, context: CallContext
  ) async throws {
    guard let writer = ExportWriter(request, configuration) else {
      throw RPCError(.invalidArgument, "the form of the export is not known here")
    }
    try await wait(for: request.atLeast, context)
    var position = request.afterSequence
    var isFirst = true
    while true {
      let receipts = try ledger.receipts(after: position, limit: configuration.feedBatchCount)
      guard let last = receipts.last else { break }
      position = last.sequence
      var rest = receipts[...]
      while !rest.isEmpty {
        var chunk = writer.chunk(of: &rest)
        if isFirst, let head = writer.head { chunk.lines.insert(head, at: 0) }
        isFirst = false
        try await replies.send(chunk)
      }
    }
    if isFirst, let head = writer.head {
      try await replies.send(ExportChunk(lines: [head], lastSequence: position))
    }
  }
}

/// Writes receipts in the form that an export asked for.
private struct ExportWriter {
  private let form: ExportForm
  private let allowsGaps: Bool
  private let configuration: ConsentConfiguration

  /// A chunk of so many bytes takes no more: JSON-LD is thirty times as long as what is stored.
  private static let chunkByteCount = 1 << 20

  init?(_ request: ExportRequest, _ configuration: ConsentConfiguration) {
    if case .unrecognized = request.form { return nil }
    form = request.form
    allowsGaps = request.allowGaps
    self.configuration = configuration
  }

  /// What stands before the first receipt.
  var head: String? { form == .csv ? CSVReceiptWriter.header : nil }

  /// As many of `receipts` as one message takes, which are taken away from it.
  func chunk(of receipts: inout ArraySlice<Receipt>) -> ExportChunk {
    var chunk = ExportChunk()
    var byteCount = 0
    while byteCount < Self.chunkByteCount, let receipt = receipts.popFirst() {
      chunk.lastSequence = receipt.sequence
      if leavesOut(receipt) { continue }
      do throws(Refusal) {
        let line = try line(receipt)
        chunk.lines.append(line)
        byteCount += line.utf8.count + 4
      } catch {
        chunk.refusals.append(
          ExportRefusal(
            sequence: receipt.sequence, consentID: receipt.consentID, reason: error.reason))
        byteCount += error.reason.utf8.count + 48
      }
    }
    return chunk
  }

  /// A renaming is no record of consent: the forms of such records cannot say it, and need not.
  private func leavesOut(_ receipt: Receipt) -> Bool {
    receipt.kind == .renaming && (form == .ts27560 || form == .kantara)
  }

  private struct Refusal: Error {
    let reason: String
  }

  private func line(_ receipt: Receipt) throws(Refusal) -> String {
    // The form that Import takes says nothing of where a receipt stands here.
    let isWhole = form != .unspecified
    guard var document = ReceiptDocument(receipt, withStanding: isWhole) else {
      throw Refusal(reason: ReceiptRefusal.unknownKind.description)
    }
    switch form {
    case .csv: return CSVReceiptWriter.row(document)
    case .ts27560, .kantara:
      if document.controller.isEmpty { document.controller = configuration.controller }
      if document.jurisdiction.isEmpty { document.jurisdiction = configuration.jurisdiction }
      do throws(ExportFault) {
        return form == .kantara
          ? try document.kantara11(configuration.issuer, allowsGaps: allowsGaps)
          : try document.jsonLD27560(configuration.issuer, allowsGaps: allowsGaps)
      } catch { throw Refusal(reason: error.description) }
    case .unspecified, .unrecognized: return document.jsonLine
    }
  }
}
