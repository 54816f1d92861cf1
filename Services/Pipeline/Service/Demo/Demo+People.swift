internal import ConsentAPI
internal import Foundation
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import VaultAPI

extension DemoRun {
  /// Replaces every customer number by a pid and records the consents of `ConsentRule`.
  func makeConsents(for customers: [String]) async throws -> [String: PseudonymousID] {
    var pids: [String: PseudonymousID] = [:]
    let vault = VaultClient(try client(.vault, as: "pipeline"))
    for start in stride(from: 0, to: customers.count, by: 4_096) {
      let part = customers[start..<min(start + 4_096, customers.count)]
      let reply = try await vault.pseudonymize(
        PseudonymizeRequest(
          identifiers: part.map {
            // The derived address exists only on its way to the vault.
            Identifier(kind: .email, value: "c\($0)@example.com")
          },
          create: true),
        options: CallOptions(timeoutMs: 60_000))
      for (customer, pseudonym) in zip(part, reply.pseudonyms) {
        guard let pid = PseudonymousID(bytes: pseudonym.pid) else {
          throw CommandFailure("the vault refused a customer: \(pseudonym.refusal)")
        }
        pids[customer] = pid
      }
    }

    var lines: [String] = []
    for customer in customers {
      guard let pid = pids[customer] else { continue }
      if let line = ConsentRule.receiptLine(customer: customer, pid: pid, random: SystemRandom()) {
        lines.append(line)
      }
    }
    report.receipts = try await importReceipts(lines)
    report.customers = customers.count
    return pids
  }

  private func importReceipts(_ lines: [String]) async throws -> Int {
    let stream = try await ConsentClient(try client(.consent, as: "pipeline")).import(
      options: CallOptions(timeoutMs: 300_000))
    var progress = ImportProgress()
    var replies = stream.replies.makeAsyncIterator()
    for start in stride(from: 0, to: lines.count, by: 1_000) {
      let part = Array(lines[start..<min(start + 1_000, lines.count)])
      try await stream.send(ImportChunk(firstLine: UInt64(start + 1), lines: part))
      if let reply = try await replies.next() { progress = reply }
      if let reject = progress.rejects.first {
        throw CommandFailure("the consent service refused line \(reject.line): \(reject.reason)")
      }
    }
    try await stream.finish()
    while let reply = try await replies.next() { progress = reply }
    return Int(progress.accepted)
  }
}
