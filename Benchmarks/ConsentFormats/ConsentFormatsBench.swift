internal import ConsentFormats
internal import PrivacyCore

/// Measures how fast receipts are read, on one thread and from memory: the parse alone.
///
///     swift run -c release consent-formats-bench
@main
struct ConsentFormatsBench {
  private static let receiptCount = 200_000
  private static let chunkByteCount = 65_536

  static func main() throws {
    let receipts = try (0..<1_000).map { _ in try receipt() }
    var table = Array(CSVReceiptWriter.header.utf8)
    var lines: [UInt8] = []
    for index in 0..<receiptCount {
      table += Array(CSVReceiptWriter.row(receipts[index % 1_000]).utf8)
      lines += Array((receipts[index % 1_000].jsonLine + "\n").utf8)
    }
    try report("csv", table) { bytes in
      var reader = CSVReceiptReader()
      return try count(bytes, { try reader.read($0) }, { try reader.finish() })
    }
    try report("json lines", lines) { bytes in
      var reader = JSONLinesReceiptReader()
      return try count(bytes, { reader.read($0) }, { reader.finish() })
    }
  }

  private static func receipt() throws -> ReceiptDocument {
    let random = SystemRandom()
    guard let pid = PseudonymousID(bytes: random.bytes(count: 32)),
      let grantedAt = Timestamp(rfc3339: "2026-01-10T12:34:56Z"),
      let expiresAt = Timestamp(rfc3339: "2028-01-10T12:34:56Z")
    else { preconditionFailure("the example is well formed") }
    return ReceiptDocument(
      consentID: ConsentID(at: grantedAt, random: random), pid: pid,
      scopes: ["product_recs", "analytics"], grantedAt: grantedAt, expiresAt: expiresAt,
      source: "web-portal:v2", version: 2)
  }

  private static func count(
    _ bytes: [UInt8], _ read: (ArraySlice<UInt8>) throws -> [ReceiptRow],
    _ finish: () throws -> [ReceiptRow]
  ) throws -> Int {
    var count = 0
    for start in stride(from: 0, to: bytes.count, by: chunkByteCount) {
      for row in try read(bytes[start..<min(start + chunkByteCount, bytes.count)]) {
        _ = try row.outcome.get()
        count += 1
      }
    }
    for row in try finish() {
      _ = try row.outcome.get()
      count += 1
    }
    return count
  }

  private static func report(
    _ name: String, _ bytes: [UInt8], _ read: ([UInt8]) throws -> Int
  ) throws {
    var best = Duration.seconds(3_600)
    for _ in 0..<3 {
      let clock = ContinuousClock()
      let start = clock.now
      let count = try read(bytes)
      precondition(count == receiptCount, "every receipt was read")
      best = min(best, clock.now - start)
    }
    let perSecond = Int(Double(receiptCount) / (best / .seconds(1)))
    let megabytes = Double(bytes.count) / 1_000_000
    print("\(name): \(perSecond) receipts/s (\(receiptCount) in \(best), \(megabytes) MB)")
  }
}
