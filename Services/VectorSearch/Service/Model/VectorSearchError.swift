internal import VectorIndex

/// Why vector search refuses. Carries names and limits, never an id or a number of a vector.
package enum VectorSearchError: Error, Hashable, Sendable {
  /// Not a name: a lower-case letter, then lower-case letters, digits, `_`, `-` or `.`.
  case badName(String)
  /// A collection that cannot be.
  case badCollection(String)
  /// The collection is there already, with other properties.
  case otherCollection(String)
  /// There is no such collection.
  case unknownCollection(String)
  /// More collections than configured.
  case tooManyCollections(limit: Int)
  /// More vectors than a collection may have.
  case tooManyVectors(limit: Int)
  /// The collection is of the other kind, or holds a model.
  case notForThis(String)
  /// A number of results beyond the limit, or none.
  case badResultCount(limit: Int)
  /// The query is not a vector of the collection.
  case badQuery(String)
  /// Noise must be 0 or a finite positive number.
  case badNoise
  /// The pid does not have 32 bytes.
  case badPID
  /// The time lies before 1970.
  case badTime
  /// Not "view:feature".
  case badFeature
  /// The caller asks too often.
  case rateLimited(retryAfterMs: Int)
  /// The collection's vectors of people are still being opened.
  case loading(String)
  /// The gate holds no lease: nobody's consent is known.
  case consentUnreachable
  /// The trainer sent a model that cannot be served.
  case badModel(String)
  /// The collection was changed while a model was being published to it.
  case changedMeanwhile(String)
}

extension VectorSearchError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .badName(let what):
      "\(what): a name is a lower-case letter, then up to 63 of a-z, 0-9, _, - and ."
    case .badCollection(let why): why
    case .otherCollection(let name):
      "there is a collection \(name) already, with other properties"
    case .unknownCollection(let name): "there is no collection \(name)"
    case .tooManyCollections(let limit): "there are \(limit) collections already, the most allowed"
    case .tooManyVectors(let limit): "the collection would have more than \(limit) vectors"
    case .notForThis(let why): why
    case .badResultCount(let limit): "ask for 1 to \(limit) results"
    case .badQuery(let why): why
    case .badNoise: "the noise's sigma must be 0 or a finite positive number"
    case .badPID: "a pid has 32 bytes"
    case .badTime: "as_of lies before 1970"
    case .badFeature: "name the history feature as view:feature"
    case .rateLimited(let retryAfterMs):
      "this caller asks too often; try again in \(retryAfterMs) ms"
    case .loading(let name):
      "the vectors of collection \(name) are still being opened; try again in a moment"
    case .consentUnreachable:
      "the consent service cannot be reached, so nobody's vectors may be written"
    case .badModel(let why): "the model cannot be served: \(why)"
    case .changedMeanwhile(let name):
      "collection \(name) was changed while the model was being published; publish it again"
    }
  }
}
