internal import ArgumentParser
internal import Foundation
internal import Pipeline

struct Generate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Invent CRM data in the columns of UCI Online Retail, for trying things out.",
    discussion: """
      One seed gives one file. Nobody in it exists; figures made from it say nothing about real \
      customers.

      Example: tacit generate --rows 50000 --seed 7 synthetic_retail.csv
      """)

  @Argument(help: "The CSV file to write.") var file: String
  @Option(help: "How many rows.") var rows = 50_000
  @Option(help: "How many customers.") var customers = 1_000
  @Option(help: "How many products.") var products = 600
  @Option(help: "The seed.") var seed: UInt64 = 1

  func validate() throws {
    guard rows > 0, customers > 0, products > 0 else {
      throw ValidationError("--rows, --customers and --products must be above 0")
    }
  }

  func run() throws {
    var crm = SyntheticCRM()
    crm.rowCount = rows
    crm.customerCount = customers
    crm.productCount = products
    crm.seed = seed
    try crm.write(to: URL(filePath: file))
    print("wrote \(rows) invented rows to \(file)")
  }
}
