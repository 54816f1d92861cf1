internal import AccessPack
internal import ConsentFormats
internal import ConsentVerifier
internal import FuzzDriver
internal import TransparencyLog

/// What people hand in of consent: files of receipts, browser signals, notes of evidence, and packs. How a file
/// is cut into chunks must not matter, and a receipt that is accepted must be read again from what
/// is written of it.
@main
enum FuzzFormats {
  static func main() {
    fuzz { bytes, count in
      FuzzFormats.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
      return 0
    }
  }

  /// The first byte chooses the format, the second where the file is cut.
  private static func run(_ input: [UInt8]) {
    guard input.count > 2 else { return }
    let bytes = Array(input.dropFirst(2))
    let cut = min(Int(input[1]), bytes.count)
    switch input[0] % 6 {
    case 0: lines(bytes, cut)
    case 1: array(bytes, cut)
    case 2: table(bytes, cut)
    case 3:
      guard let string = try? TCFString(decoding: String(decoding: bytes, as: UTF8.self)) else {
        return
      }
      for vendor in [nil, cut] { _ = try? TCFDecision(string, vendor: vendor) }
    case 5:
      guard let pack = try? AccessPack(json: bytes) else { return }
      guard pack.json == bytes else { fatalError("a pack that is written otherwise") }
      _ = try? pack.page()
    default:
      let text = String(decoding: bytes, as: UTF8.self)
      let again = [
        HoldingsNote(text: text)?.text,
        LastReceiptNote(text: text)?.text, ErasureStatement(text: text)?.text,
        ErasureCertificate(text: text)?.text,
      ].compactMap { $0 }
      guard again.allSatisfy({ $0 == text }) else { fatalError("a note that is written otherwise") }
      if let file = try? ErasureCertificateFile(json: bytes),
        let policy = try? TrustPolicy(logs: [])
      {
        _ = try? ErasureVerifier(policy: policy).verify(file)
      }
    }
  }

  private static func lines(_ bytes: [UInt8], _ cut: Int) {
    var whole = JSONLinesReceiptReader()
    var parts = JSONLinesReceiptReader()
    let rows = whole.read(bytes) + whole.finish()
    compare(rows, parts.read(bytes[..<cut]) + parts.read(bytes[cut...]) + parts.finish())
    for case .success(let receipt) in rows.map(\.outcome) {
      let line = receipt.jsonLine
      guard (try? ReceiptDocument(json: line.utf8)) == receipt else {
        fatalError("a receipt that is read otherwise: \(line)")
      }
    }
  }

  private static func array(_ bytes: [UInt8], _ cut: Int) {
    var whole = JSONReceiptReader()
    var parts = JSONReceiptReader()
    compare(
      whole.read(bytes) + whole.finish(),
      parts.read(bytes[..<cut]) + parts.read(bytes[cut...]) + parts.finish())
  }

  private static func table(_ bytes: [UInt8], _ cut: Int) {
    var whole = CSVReceiptReader()
    var parts = CSVReceiptReader()
    let rows = try? whole.read(bytes) + whole.finish()
    let other = try? parts.read(bytes[..<cut]) + parts.read(bytes[cut...]) + parts.finish()
    compare(rows ?? [], other ?? [])
    for case .success(let receipt) in (rows ?? []).map(\.outcome) {
      var again = CSVReceiptReader()
      let text = CSVReceiptWriter.header + CSVReceiptWriter.row(receipt)
      let read = (try? again.read(text.utf8) + again.finish())?.map(\.outcome)
      guard read == [.success(receipt)] else {
        fatalError("a receipt that is read otherwise: \(text)")
      }
    }
  }

  private static func compare(_ whole: [ReceiptRow], _ parts: [ReceiptRow]) {
    guard whole.map(\.outcome) == parts.map(\.outcome), whole.map(\.line) == parts.map(\.line),
      whole.map(\.bytes) == parts.map(\.bytes)
    else { fatalError("how the file is cut decides what is read") }
  }
}
