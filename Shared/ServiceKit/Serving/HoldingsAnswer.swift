internal import AccessPack
package import AuditLog
package import CommonAPI
internal import Cryptography
package import PrivacyCore
package import RPC
internal import Transport
internal import TransparencyLog

/// Answers what a service holds of one person: logs the access, gathers, signs, sends.
package struct HoldingsAnswer: Sendable {
  private let service: WellKnownService
  private let audit: AuditLog
  private let time: any TimeSource
  private let byteCountMax: Int

  /// - Parameter byteCountMax: the most bytes of an answer; for tests.
  package init(
    of service: WellKnownService, audit: AuditLog, time: any TimeSource,
    byteCountMax: Int = HeldText.byteCountMax
  ) {
    self.service = service
    self.audit = audit
    self.time = time
    self.byteCountMax = byteCountMax
  }

  private static let pieceByteCount = 256 << 10

  /// The pids of a request.
  ///
  /// - Throws: `HoldingsRefusal`.
  package static func people(
    _ request: HoldingsRequest
  ) throws(HoldingsRefusal) -> [PseudonymousID] {
    guard !request.pids.isEmpty else { throw .noPeople }
    guard request.pids.count <= AccessPack.pidCountMax else {
      throw .tooManyPeople(limit: AccessPack.pidCountMax)
    }
    let pids = request.pids.compactMap { PseudonymousID(bytes: $0) }
    guard pids.count == request.pids.count else { throw .malformedPID }
    return pids
  }

  /// Whether a ticket can stand in the log.
  package static func check(ticket: String) throws(HoldingsRefusal) {
    guard (1...AccessPack.ticketByteCountMax).contains(ticket.utf8.count) else {
      throw .ticketLength(limit: AccessPack.ticketByteCountMax)
    }
    if let finding = IdentifierGuard.finding(in: ticket) {
      throw .ticketLooksLike(finding.rawValue)
    }
  }

  /// Answers a request about the people it names.
  package func answer(
    _ request: HoldingsRequest, context: CallContext,
    send: (HoldingsChunk) async throws -> Void,
    gather: (inout HeldRecords) async throws -> Void
  ) async throws {
    try await answer(
      about: Self.people(request), ticket: request.ticket, context: context, send: send,
      gather: gather)
  }

  /// Logs that everything about `pids` is told, durably and under a signed checkpoint; then lets
  /// `gather` add what there is, adds what the log says of them, and sends it signed.
  ///
  /// - Parameters:
  ///   - details: what else the log's entry says.
  ///   - announces: whether the pids are told in the first piece.
  /// - Throws: `HoldingsRefusal`; what the log throws, and then nothing has been read; `tooLarge`.
  package func answer(
    about pids: [PseudonymousID], ticket: String, details: [(name: String, value: String)] = [],
    announces: Bool = false, context: CallContext,
    send: (HoldingsChunk) async throws -> Void,
    gather: (inout HeldRecords) async throws -> Void
  ) async throws {
    try Self.check(ticket: ticket)
    let (entry, _) = try await audit.appendCovered(
      AuditEntry(
        principal: context.peer.spiffeID, action: "\(service.rawValue).access",
        purpose: "gdpr-15", pids: pids, details: [("ticket", ticket)] + details))
    var held = try HeldRecords(service: service, pids: pids, byteCountMax: byteCountMax)
    try await gather(&held)
    // What is known to have been read so far is in the log first.
    try await audit.flushReads()
    var mentions: [AuditLog.Mention] = []
    try await audit.mentions(of: Set(pids)) { mentions.append($0) }
    for mention in mentions { try held.add(mention) }
    let statement = try statement(of: held.text, about: pids, entry: entry)
    let text = held.text.bytes
    var start = 0
    var chunk = HoldingsChunk(pids: announces ? pids.map(\.bytes) : [])
    while text.count - start > Self.pieceByteCount {
      chunk.text = Array(text[start..<start + Self.pieceByteCount])
      try await send(chunk)
      chunk = HoldingsChunk()
      start += Self.pieceByteCount
    }
    chunk.text = Array(text[start...])
    chunk.statement = statement
    try await send(chunk)
  }

  private func statement(
    of text: HeldText, about pids: [PseudonymousID], entry: UInt64
  ) throws -> HoldingsStatement {
    let note = try HoldingsNote(
      origin: audit.verifyingKey().name, service: service.rawValue, pids: pids, entry: entry,
      atUs: time.now.microseconds, lineCount: text.lineCount, linesHash: text.hash())
    let opening = try audit.opening(of: entry)
    return HoldingsStatement(
      note: try audit.signStatement(note.text).encoded,
      proof: try audit.proof(of: entry).encoded, salt: opening.salt, content: opening.content)
  }
}
