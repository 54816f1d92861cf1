import PrivacyCore
import Testing
import TestSupport
import WireFormat

@testable import RPC

@Suite("The open streams of a connection")
struct StreamTableTests {
  @Test("are found, counted and forgotten as in a dictionary, whatever stays long")
  func likeDictionary() {
    let random = SeededRandom(seed: 5)
    var table = StreamTable()
    var dictionary: [UInt32: CallStream] = [:]
    var id: UInt32 = 1
    for step in 0..<20_000 {
      if dictionary.count < 300, random.word() % 100 < 60 {
        let stream = CallStream(
          id: id, link: CallLink(stream: id), method: Method.echo, sink: .none, sendCredit: 0,
          receiveCredit: 0)
        table.insert(stream)
        dictionary[id] = stream
        id += 2
      } else if let gone = dictionary.keys.sorted().dropFirst(Int(random.word() % 40)).first {
        // The first ones of every hundred steps stay.
        if step % 100 < 5 { continue }
        table.remove(gone)
        dictionary[gone] = nil
        #expect(table[gone] == nil)
      }
      #expect(table.count == dictionary.count)
      let some = UInt32(random.word() % UInt64(id)) | 1
      #expect(table[some] === dictionary[some])
    }
    #expect(table.sorted.map(\.id) == dictionary.keys.sorted())
    table.removeAll()
    #expect(table.isEmpty && table.sorted.isEmpty)
  }
}
