internal import SealedStore
internal import VectorIndex
internal import VectorsAPI

/// The items of a model as they are recommended from: never changed, replaced as a whole.
final class ItemShelf: Sendable {
  /// The model they are of.
  let modelID: String
  /// The items' codes, in the order of their bytes; the place of an item here is its row in
  /// `index`.
  let codes: [String]
  /// The items' popularity, learned privately, in standard deviations of its noise; 0 or more.
  let popularity: [Float]
  /// The items' vectors.
  let index: FlatIndex
  /// The places of the items, the most popular first.
  let byPopularity: [Int]
  /// What the recommender needs of the items that has nothing to do with any person.
  let traits: ItemTraits
  private let places: [String: Int]

  private init(modelID: String, codes: [String], popularity: [Float], index: FlatIndex) {
    self.modelID = modelID
    self.codes = codes
    self.popularity = popularity
    self.index = index
    places = Dictionary(uniqueKeysWithValues: codes.enumerated().map { ($1, $0) })
    byPopularity = BestScores.places(of: popularity, limit: codes.count)
    traits = ItemTraits(popularity: popularity, index: index)
  }

  /// How many items there are.
  var count: Int { codes.count }

  /// Where the item with this code stands.
  func place(of code: String) -> Int? { places[code] }

  /// The shelf without some items.
  func without(_ ids: Set<[UInt8]>) -> ItemShelf {
    let builder = Builder(dimension: index.dimension, metric: index.metric)
    index.reading { slab in
      for (place, code) in codes.enumerated() where !ids.contains(Array(code.utf8)) {
        builder.add(code, slab[place], popularity[place])
      }
    }
    return builder.finish(modelID: modelID)
  }

  /// Takes items in until the shelf is whole.
  final class Builder {
    private let index: FlatIndex
    private var entries: [(code: String, vector: [Float], popularity: Float)] = []
    private var known: Set<String> = []

    init(dimension: Int, metric: VectorMetric) {
      index = FlatIndex(dimension: dimension, metric: metric)
    }

    var count: Int { entries.count }

    /// Takes in an item as the trainer sent it or the store holds it.
    ///
    /// - Throws: `badModel` for a code that is no text or there already, a vector of another
    ///   dimension, and numbers that are not finite.
    func add(_ id: [UInt8], _ stored: StoredVector) throws(VectorSearchError) {
      guard let code = String(validating: id, as: UTF8.self), !code.isEmpty, id.count <= 64 else {
        throw .badModel("an item's code has 1 to 64 bytes of UTF-8")
      }
      guard !known.contains(code) else { throw .badModel("an item is there twice") }
      guard stored.popularity.isFinite, stored.popularity >= 0 else {
        throw .badModel("a popularity is negative or no number")
      }
      do throws(VectorFault) {
        let vector = try index.metric.prepared(stored.values, dimension: index.dimension)
        known.insert(code)
        add(code, vector, stored.popularity)
      } catch {
        throw .badModel(error.description)
      }
    }

    fileprivate func add(_ code: String, _ vector: [Float], _ popularity: Float) {
      entries.append((code, vector, popularity))
    }

    func finish(modelID: String) -> ItemShelf {
      // The order of the store: the same model gives the same answers after a restart.
      entries.sort { $0.code.utf8.lexicographicallyPrecedes($1.code.utf8) }
      for entry in entries { index.upsert(Array(entry.code.utf8), entry.vector, at: 0) }
      return ItemShelf(
        modelID: modelID, codes: entries.map(\.code), popularity: entries.map(\.popularity),
        index: index)
    }
  }
}
