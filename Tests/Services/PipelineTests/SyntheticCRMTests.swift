internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing

@Suite("Invented data")
struct SyntheticCRMTests {
  private static func crm(seed: UInt64, rowCount: Int = 500) -> SyntheticCRM {
    var crm = SyntheticCRM()
    crm.rowCount = rowCount
    crm.customerCount = 40
    crm.productCount = 60
    crm.seed = seed
    return crm
  }

  private static func file(_ crm: SyntheticCRM) async throws -> Data {
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "synthetic.csv")
      try crm.write(to: url)
      return try Data(contentsOf: url)
    }
  }

  @Test("one seed gives one file, another seed another")
  func seed() async throws {
    let first = try await Self.file(Self.crm(seed: 7))
    #expect(try await Self.file(Self.crm(seed: 7)) == first)
    #expect(try await Self.file(Self.crm(seed: 8)) != first)
  }

  @Test("a file has its header and as many rows as asked for", arguments: [1, 2, 499])
  func rowCount(count: Int) async throws {
    let text = String(
      decoding: try await Self.file(Self.crm(seed: 1, rowCount: count)), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(lines.first.map(String.init) == SyntheticCRM.header)
    #expect(lines.count == count + 1)
  }

  @Test("every row is an event of the example's mapping, or lacks its customer on purpose")
  func mapped() async throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let mapping = try IngestMapping(
      contentsOf: root.appending(path: "Examples/online-retail/mapping.yaml"))
    try await withTemporaryDirectory { directory in
      let url = directory.appending(path: "synthetic.csv")
      try Self.crm(seed: 3).write(to: url)
      var reader = try CSVReader(try ByteSource(url))
      let mapper = try RowMapper(mapping, columns: reader.columns, file: "synthetic.csv")
      var counts: [String: Int] = [:]
      while let record = try reader.next() {
        switch mapper.map(record) {
        case .success: counts["event", default: 0] += 1
        case .failure(let refusal): counts[refusal.reason, default: 0] += 1
        }
      }
      #expect(Set(counts.keys) == ["event", "no customer number"])
      #expect(counts.values.reduce(0, +) == 500)
    }
  }
}
