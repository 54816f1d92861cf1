internal import FeaturesAPI
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// The purchases in the demo's files, read a second time beside the services: what the recommender
/// is measured against. A purchase is what the mapping calls one.
package struct RetailHistory: Sendable {
  package struct Purchase: Sendable {
    let customer: Int32
    let item: Int32
    /// Days since the epoch.
    let day: Int32
  }

  /// All customers with a number, purchase or not, in order.
  package private(set) var customers: [String] = []
  package private(set) var items: [String] = []
  package private(set) var purchases: [Purchase] = []
  package private(set) var rowCount = 0
  /// The description used most often for each item, by item.
  package private(set) var descriptions: [String] = []

  /// Reads the files with the mapping's own rules.
  package init(_ data: DemoData, mapping: IngestMapping) throws {
    var customerIndex: [String: Int32] = [:]
    var itemIndex: [String: Int32] = [:]
    var texts: [[String: Int]] = []
    for file in data.files {
      var reader = try CSVReader(try ByteSource(file))
      let mapper = try RowMapper(mapping, columns: reader.columns, file: "")
      guard let customerColumn = reader.columns.firstIndex(of: "CustomerID"),
        let textColumn = reader.columns.firstIndex(of: "Description")
      else { throw CommandFailure("\(file.lastPathComponent) has not the columns of the data set") }
      while let record = try reader.next() {
        rowCount += 1
        guard case .success(let cells) = record.cells, !cells[customerColumn].isEmpty else {
          continue
        }
        let customer = Self.index(of: cells[customerColumn], in: &customerIndex, &customers)
        guard case .success(let row) = mapper.map(record) else { continue }
        let values = Dictionary(
          uniqueKeysWithValues: row.event.fields.map { ($0.name, $0.value?.kind) })
        guard values["kind"] == .stringValue("purchase"),
          case .stringValue(let code)?? = values["item"]
        else { continue }
        let item = Self.index(of: code, in: &itemIndex, &items)
        if Int(item) == texts.count { texts.append([:]) }
        texts[Int(item)][cells[textColumn], default: 0] += 1
        let day = Timestamp(microseconds: row.event.eventTimeUs).day
        purchases.append(Purchase(customer: customer, item: item, day: Int32(day)))
      }
    }
    descriptions = texts.map { counts in
      counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
    }
  }

  private static func index(
    of name: String, in indices: inout [String: Int32], _ names: inout [String]
  ) -> Int32 {
    if let known = indices[name] { return known }
    let index = Int32(names.count)
    indices[name] = index
    names.append(name)
    return index
  }
}
