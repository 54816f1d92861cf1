internal import Cryptography
package import TrainerAPI

/// The public items that a model speaks of: nothing personal is in it.
package struct Catalogue: Sendable {
  /// The items, in the order given.
  package let items: [CatalogueItem]
  private let places: [String: Int]

  /// Refuses an empty catalogue, items without a code and codes that occur twice.
  package init(_ items: [CatalogueItem]) throws(TrainerError) {
    guard !items.isEmpty else { throw .badCatalogue("the catalogue is empty") }
    var places = [String: Int](minimumCapacity: items.count)
    for (place, item) in items.enumerated() {
      guard !item.item.isEmpty else {
        throw .badCatalogue("item \(place + 1) of the catalogue has no code")
      }
      guard places.updateValue(place, forKey: item.item) == nil else {
        throw .badCatalogue("item \(place + 1) of the catalogue has the code of an earlier one")
      }
    }
    self.items = items
    self.places = places
  }

  /// Where the item with this code stands, or `nil` where it is not in the catalogue.
  package func place(of code: String) -> Int? { places[code] }

  /// SHA-256 over the items in their order, each behind its length.
  package func digest() throws -> [UInt8] {
    var hash = try SHA256()
    for item in items {
      let bytes = item.packed()
      try hash.update((0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (24 - 8 * $0)) })
      try hash.update(bytes)
    }
    return try hash.finalize()
  }
}
