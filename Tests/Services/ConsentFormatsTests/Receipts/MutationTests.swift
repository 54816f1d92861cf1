import ConsentFormats
import PrivacyCore
import TestSupport
import Testing

@Suite("Bytes from outside")
struct MutationTests {
  /// Changes, doubles, drops and cuts bytes.
  private func mutated(_ bytes: [UInt8], _ dice: Dice) -> [UInt8] {
    var bytes = bytes
    for _ in 0...dice.number(4) where !bytes.isEmpty {
      let place = dice.number(bytes.count)
      switch dice.number(5) {
      case 0: bytes[place] = UInt8(dice.number(256))
      case 1: bytes.insert(dice.pick(Array("\",;\\\n\r{}[]:.0\u{7F}".utf8)), at: place)
      case 2: bytes.remove(at: place)
      case 3: bytes.removeLast(min(bytes.count, dice.number(20)))
      default:
        bytes.insert(
          contentsOf: bytes[place..<min(place + dice.number(60), bytes.count)], at: place)
      }
    }
    return bytes
  }

  @Test("never trap a reader: they are read or refused", arguments: 0..<40)
  func receipts(seed: UInt64) throws {
    let random = SeededRandom(seed: seed)
    let dice = Dice(random: random)
    var readCount = 0
    var refusedCount = 0
    func count(_ row: ReceiptRow) {
      if case .success(let receipt) = row.outcome {
        // What was read can be written, and reads as the same again.
        readCount += 1
        #expect((try? ReceiptDocument(json: Array(receipt.jsonLine.utf8))) == receipt)
      } else {
        refusedCount += 1
      }
    }
    let receipt = try Example.full()
    let line = Array(receipt.jsonLine.utf8)
    let row = Array(CSVReceiptWriter.row(receipt).utf8)
    for _ in 0..<100 {
      var lines = JSONLinesReceiptReader()
      lines.read(mutated(line, dice)).forEach(count)
      lines.finish().forEach(count)
      var table = CSVReceiptReader()
      _ = try table.read(Array(CSVReceiptWriter.header.utf8))
      try table.read(mutated(row, dice)).forEach(count)
      try table.finish().forEach(count)
      var broken = CSVReceiptReader()
      if let rows = try? broken.read(mutated(Array(CSVReceiptWriter.header.utf8) + row, dice)) {
        rows.forEach(count)
      }
    }
    #expect(readCount > 0)
    #expect(refusedCount > 0)
  }

  @Test("never trap the decoder of TC strings", arguments: 0..<40)
  func consentStrings(seed: UInt64) throws {
    let dice = Dice(random: SeededRandom(seed: seed))
    let strings = try TCVector.load().map(\.text)
    var readCount = 0
    var refusedCount = 0
    for _ in 0..<200 {
      let bytes = mutated(Array(dice.pick(strings).utf8), dice)
      do {
        let string = try TCFString(decoding: String(decoding: bytes, as: UTF8.self))
        _ = try TCFDecision(string, vendor: dice.number(70_000), acceptingGlobalScope: true)
        readCount += 1
      } catch {
        refusedCount += 1
      }
    }
    #expect(readCount > 0)
    #expect(refusedCount > 0)
  }
}
