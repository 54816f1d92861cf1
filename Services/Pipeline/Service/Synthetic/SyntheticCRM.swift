package import Foundation
internal import PrivacyCore

/// Invented CRM data in the columns of UCI Online Retail: customers with tastes, products in
/// families, seasons and repeat purchases. One seed, one file. Never presented as real.
package struct SyntheticCRM: Sendable {
  /// How much to invent.
  package var customerCount = 1_000
  package var productCount = 600
  package var rowCount = 50_000
  package var seed: UInt64 = 1

  package init() {}

  /// The header of the file.
  package static let header =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

  private static let families = [
    "LANTERN", "TEACUP", "CUSHION", "GARLAND", "NOTEBOOK", "CLOCK", "BASKET", "CANDLE", "APRON",
    "DOORMAT", "FRAME", "TEAPOT", "RIBBON", "MAGNET", "PARASOL",
  ]
  private static let styles = [
    "RED", "BLUE", "IVORY", "STRIPED", "VINTAGE", "SPOTTY", "WOODEN", "GLASS", "FLORAL", "SMALL",
    "LARGE", "PAISLEY", "RUSTIC", "SILVER",
  ]
  private static let countries = ["United Kingdom", "Germany", "France", "Eire", "Netherlands"]

  /// Writes the file to `url`.
  package func write(to url: URL) throws {
    var random = SplitMix64(seed: seed)
    let products = (0..<productCount).map { number in
      let family = number % Self.families.count
      let style = Self.styles[random.below(Self.styles.count)]
      return (
        code: String(20_000 + number), family: family,
        text: "\(style) \(Self.families[family]) NO \(number / Self.families.count + 1)",
        price: Double(random.below(1_900) + 100) / 100
      )
    }
    let customers = (0..<customerCount).map { number in
      (
        id: 10_000 + number,
        families: (0..<3).map { _ in random.below(Self.families.count) },
        country: Self.countries[
          min(random.below(12), Self.countries.count - 1) % Self.countries.count]
      )
    }
    var history: [[Int]] = Array(repeating: [], count: customerCount)
    var text = Self.header + "\n"
    var rows = 0
    var invoice = 500_000
    let first = Timestamp(rfc3339: "2009-12-01T08:00:00Z")?.microseconds ?? 0
    let spanMinutes = 630 * 24 * 60
    // Invoices in order of time; some people buy often, most rarely.
    while rows < rowCount {
      let minute = Int(Double(rows) / Double(rowCount) * Double(spanMinutes))
      let instant = Timestamp(microseconds: first + Int64(minute) * 60_000_000)
      let buyer = random.below(random.below(customerCount) + 1)
      let customer = customers[buyer]
      invoice += 1
      let isCancelled = random.below(40) == 0
      for _ in 0..<(1 + random.below(12)) where rows < rowCount {
        let product: Int
        if !history[buyer].isEmpty, random.below(100) < 40 {
          product = history[buyer][random.below(history[buyer].count)]
        } else {
          let family = customer.families[random.below(3)]
          let rank = random.below(random.below(productCount / Self.families.count) + 1)
          product = min(family + rank * Self.families.count, productCount - 1)
        }
        history[buyer].append(product)
        let quantity = (1 + random.below(24)) * (isCancelled ? -1 : 1)
        let day = instant.description.dropLast().replacingOccurrences(of: "T", with: " ")
        // A row in eight has no customer, as in a shop with walk-in trade.
        let id = random.below(8) == 0 ? "" : String(customer.id)
        text += "\(isCancelled ? "C" : "")\(invoice),\(products[product].code),"
        text += "\(products[product].text),\(quantity),\(day),\(products[product].price),"
        text += "\(id),\(customer.country)\n"
        rows += 1
      }
    }
    try Data(text.utf8).write(to: url, options: .atomic)
  }
}

extension SplitMix64 {
  /// A number in 0..<bound.
  fileprivate mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(max(bound, 1))).high)
  }
}
