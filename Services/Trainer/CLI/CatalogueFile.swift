internal import ArgumentParser
internal import Foundation
internal import ServiceKit
internal import TrainerAPI

/// Where the public items come from.
struct CatalogueOptions: ParsableArguments {
  @Option(help: "The file of public items: .csv or .jsonl, or either with .gz.")
  var catalogue: String
  @Option(help: "The column of the codes.") var itemColumn = "item"
  @Option(help: "The column of the descriptions.") var textColumn = "text"

  /// As many items as a request may have.
  private static let itemCountMax = 100_000
  /// As long as a code may be.
  private static let codeByteCountMax = 64
  /// As long as a description may be.
  private static let textByteCountMax = 1_024
  /// Together with the rest of the request they must fit in a message of 4 MiB.
  private static let byteCountMax = (4 << 20) - (4 << 10)

  /// The items of the file, in its order.
  func items() throws -> [CatalogueItem] {
    var reader = try reader()
    var items: [CatalogueItem] = []
    var lineByCode: [String: Int] = [:]
    guard let itemIndex = reader.columns.firstIndex(of: itemColumn),
      let textIndex = reader.columns.firstIndex(of: textColumn)
    else {
      throw CommandFailure(
        "\(catalogue) has the columns \(reader.columns.joined(separator: ", ")); say with "
          + "--item-column and --text-column which have the codes and the descriptions")
    }
    while let record = try reader.next() {
      let item: CatalogueItem
      do {
        let cells = try record.cells.get()
        item = try Self.item(code: cells[itemIndex], text: cells[textIndex])
      } catch let refusal as RowRefusal {
        throw CommandFailure("\(catalogue) line \(record.line): \(refusal.reason)")
      }
      if let earlier = lineByCode.updateValue(record.line, forKey: item.item) {
        throw CommandFailure("\(catalogue) line \(record.line): the code of line \(earlier) again")
      }
      items.append(item)
      guard items.count <= Self.itemCountMax else {
        throw CommandFailure("\(catalogue) has more than \(Self.itemCountMax) items")
      }
    }
    guard !items.isEmpty else { throw CommandFailure("\(catalogue) has no items") }
    // A model without descriptions would cost as much and find nothing alike.
    guard items.contains(where: { !$0.text.isEmpty }) else {
      throw CommandFailure(
        "no item of \(catalogue) has a description; say with --text-column where they are")
    }
    let byteCount = items.reduce(0) { $0 + $1.byteCount }
    guard byteCount <= Self.byteCountMax else {
      throw CommandFailure(
        "\(catalogue) comes to \(byteCount) bytes, \(Self.byteCountMax) fit in a call; shorten "
          + "the descriptions")
    }
    return items
  }

  private func reader() throws -> any RecordReader {
    let url = URL(filePath: catalogue)
    let unpacked = url.pathExtension == "gz" ? url.deletingPathExtension() : url
    switch unpacked.pathExtension {
    case "csv":
      do {
        return try CSVReader(try ByteSource(url))
      } catch let refusal as RowRefusal {
        throw CommandFailure("\(catalogue): \(refusal.reason)")
      }
    case "jsonl", "ndjson":
      return JSONLinesReader(try ByteSource(url), columns: [itemColumn, textColumn])
    default:
      throw CommandFailure("\(catalogue): the catalogue's name must end in .csv or .jsonl")
    }
  }

  private static func item(code: String, text: String) throws -> CatalogueItem {
    guard !code.isEmpty else { throw RowRefusal("it has no code") }
    guard code.utf8.count <= codeByteCountMax else {
      throw RowRefusal("the code is longer than \(codeByteCountMax) bytes")
    }
    guard text.utf8.count <= textByteCountMax else {
      throw RowRefusal("the description is longer than \(textByteCountMax) bytes")
    }
    return CatalogueItem(item: code, text: text)
  }
}

extension CatalogueItem {
  /// As many bytes as it has at most in a message: its fields, and their tags and lengths.
  fileprivate var byteCount: Int { item.utf8.count + text.utf8.count + 9 }
}
