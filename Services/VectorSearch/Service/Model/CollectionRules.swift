internal import PrivacyCore
internal import VectorIndex
package import VectorsAPI

/// What a collection may be.
package enum CollectionRules {
  /// The largest dimension.
  package static let dimensionMax: UInt32 = 4_096

  /// The collection that a request describes.
  package static func collection(
    _ request: CreateCollectionRequest
  ) throws(VectorSearchError) -> Collection {
    guard NameRule.accepts(request.name) else { throw .badName("collection") }
    guard (1...dimensionMax).contains(request.dimension) else {
      throw .badCollection("the dimension must be 1 to \(dimensionMax), not \(request.dimension)")
    }
    guard request.metric.metric != nil else {
      throw .badCollection("the metric must be inner product, cosine or Euclidean")
    }
    switch request.subject {
    case .item:
      guard request.scope.isEmpty else {
        throw .badCollection("items need no consent: name no scope")
      }
    case .person:
      guard Scope(request.scope) != nil else {
        throw .badCollection("name the scope that people must have allowed to be found")
      }
    case .unspecified, .unrecognized:
      throw .badCollection("say whether the collection holds items or people")
    }
    return Collection(
      name: request.name, dimension: request.dimension, metric: request.metric,
      subject: request.subject, scope: request.scope)
  }
}

extension Metric {
  /// The index's metric; `nil` for one that is not known.
  var metric: VectorMetric? {
    switch self {
    case .innerProduct: .innerProduct
    case .cosine: .cosine
    case .euclidean: .euclidean
    case .unspecified, .unrecognized: nil
    }
  }
}
