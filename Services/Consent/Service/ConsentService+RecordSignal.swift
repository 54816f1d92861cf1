package import ConsentAPI
internal import ConsentFormats
internal import Cryptography
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func recordSignal(
    _ request: RecordSignalRequest, context: CallContext
  ) async throws -> RecordSignalReply {
    let pid = try pid(request.pid)
    let recorded: ConsentLedger.Recorded?
    switch request.signal {
    case .gpc(let value):
      recorded = try await recordGPC(value, of: pid, from: request.source, context)
    case .tcf(let signal):
      recorded = try await recordTCF(signal, of: pid, from: request.source, context)
    case nil: throw ReceiptRefusal.noSignal
    }
    guard let recorded else { return RecordSignalReply() }
    let gates = try await bringIntoForce(recorded)
    return RecordSignalReply(
      receipt: recorded.receipt, created: recorded.isNew, gates: gates,
      token: try token(recorded.receipt.sequence))
  }

  /// An opt-out, whether or not the person had allowed anything: what an old system still says of
  /// the time before must not count afterwards.
  private func recordGPC(
    _ value: String, of pid: PseudonymousID, from source: String, _ context: CallContext
  ) async throws -> ConsentLedger.Recorded? {
    guard GlobalPrivacyControl.isSignal([value]) else { return nil }
    let scopes = configuration.globalPrivacyControl.scopes
    guard !scopes.isEmpty else { throw ReceiptRefusal.noSignalScopes("--gpc-scopes") }
    let draft = ReceiptDraft(
      pid: pid, kind: .withdrawal, scopes: scopes.map(\.description), source: source, version: 0,
      details: ReceiptDetails(
        actor: Actor(kind: .browserSignal, name: GlobalPrivacyControl.headerName)))
    return try await ledger.takeBack(draft, by: context.peer.spiffeID)
  }

  private func recordTCF(
    _ signal: TCFSignal, of pid: PseudonymousID, from source: String, _ context: CallContext
  ) async throws -> ConsentLedger.Recorded? {
    guard !configuration.tcfScopes.isEmpty else {
      throw ReceiptRefusal.noSignalScopes("--tcf-scopes")
    }
    let receipt = try TCFReceipt(signal, settings: configuration)
    guard let draft = try receipt.draft(pid: pid, source: source) else { return nil }
    // A browser goes on sending the string that was recorded under an earlier pid of the person.
    let people = try ledger.people([pid])
    for name in people.pids + people.formers {
      guard let earlier = try receipt.draft(pid: name, source: source),
        let id = earlier.consentID, try ledger.isKnown(id)
      else { continue }
      return try await ledger.answer(earlier, by: context.peer.spiffeID)
    }
    return try await ledger.answer(draft, by: context.peer.spiffeID)
  }
}

/// What a TC string comes to as a receipt.
struct TCFReceipt {
  private let text: String
  private let string: TCFString
  private let granted: [String]
  private let denied: [String]
  private let version: UInt32
  private let days: Int

  init(_ signal: TCFSignal, settings: ConsentConfiguration) throws(ReceiptRefusal) {
    do throws(TCFFault) {
      string = try TCFString(decoding: signal.text)
      let decision = try TCFDecision(string, vendor: signal.vendor == 0 ? nil : Int(signal.vendor))
      (granted, denied) = decision.scopes(
        settings.tcfScopes.map { ($0.scope.description, $0.purposes, $0.specialFeatures) })
    } catch { throw .malformedSignal(error.description) }
    text = signal.text
    version = signal.version == 0 ? UInt32(max(1, string.vendorListVersion)) : signal.version
    days = settings.tcfDays
  }

  /// The answer that the person gave in the dialogue; `nil` where nobody was asked for any of the
  /// scopes. The same string of the same person always gives the same receipt, so that it is
  /// recorded once however often a browser sends it.
  func draft(pid: PseudonymousID, source: String) throws -> ReceiptDraft? {
    guard !granted.isEmpty || !denied.isEmpty else { return nil }
    let evidence = try Digest.sha256(Array(text.utf8))
    let identity = try Digest.sha256(pid.bytes + evidence + Array("\(version) \(source)".utf8))
    var details = ReceiptDetails(evidenceHash: evidence)
    details.actor = Actor(kind: .`self`, name: "IAB TCF, CMP \(string.cmpID)")
    // AA stands for no country in particular.
    if string.publisherCountry != "AA" { details.jurisdiction = string.publisherCountry }
    return ReceiptDraft(
      consentID: ConsentID(at: string.updatedAt, random: FixedBytes(identity)), pid: pid,
      kind: granted.isEmpty ? .denial : .grant, scopes: granted, deniedScopes: denied,
      grantedAt: string.updatedAt,
      expiresAt: granted.isEmpty
        ? nil : string.updatedAt.advanced(byMicroseconds: Int64(days) * 86_400_000_000),
      source: source.isEmpty ? "tcf" : source, version: version, details: details)
  }
}

/// Bytes that follow from a hash, in place of random ones.
private struct FixedBytes: RandomSource {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    for index in buffer.indices { buffer[index] = bytes[index % bytes.count] }
  }
}
