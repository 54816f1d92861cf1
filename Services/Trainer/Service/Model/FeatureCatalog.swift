package import FeaturesAPI

/// The views of the feature store, as far as the trainer must know them: which feature is made
/// from which data set. A budget pays only for features of its own data set, otherwise each
/// further budget would be another way around the first.
package struct FeatureCatalog: Sendable {
  /// A feature and its type.
  package struct Feature: Hashable, Sendable {
    /// "view:feature".
    package let name: String
    /// The type of its values, in the feature store's words.
    package let type: String
  }

  private let views: [ViewDescription]

  package init(_ views: [ViewDescription]) { self.views = views }

  /// The feature `name`, which must be made from `dataset`.
  package func feature(_ name: String, of dataset: String) throws(TrainerError) -> Feature {
    let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0 != "*" }) else {
      throw .badFeature(name)
    }
    guard let view = views.first(where: { $0.name == parts[0] }),
      let feature = view.features.first(where: { $0.name == parts[1] })
    else { throw .unknownFeature(name) }
    guard view.dataset == dataset else {
      throw .otherDataset(feature: name, dataset: dataset, actual: view.dataset)
    }
    return Feature(name: name, type: feature.type)
  }

  /// Any feature of `dataset`: for questions about people rather than values.
  package func anyFeature(of dataset: String) throws(TrainerError) -> Feature {
    for view in views where view.dataset == dataset {
      if let feature = view.features.first {
        return Feature(name: "\(view.name):\(feature.name)", type: feature.type)
      }
    }
    throw .unknownDataset(dataset)
  }
}

extension ViewDescription {
  /// The event source of an aggregated view, the name of a view of written rows.
  fileprivate var dataset: String { source.isEmpty ? name : source }
}
