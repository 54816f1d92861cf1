/// How nearness is measured. Scores are larger for what is nearer.
package enum VectorMetric: Hashable, Sendable {
  /// The inner product.
  case innerProduct
  /// The inner product of unit vectors: vectors and queries are brought to unit length.
  case cosine
  /// The negated squared Euclidean distance.
  case euclidean
}

/// Why numbers are not a vector of a collection.
package enum VectorFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not the dimension of the collection.
  case wrongDimension(found: Int, wanted: Int)
  /// A coordinate is not a finite number.
  case notFinite(place: Int)
  /// Its length is 0, so that it has no direction, or beyond what a float can hold.
  case noDirection

  package var description: String {
    switch self {
    case .wrongDimension(let found, let wanted):
      "the vector has \(found) numbers, the collection's have \(wanted)"
    case .notFinite(let place): "number \(place + 1) of the vector is not finite"
    case .noDirection: "the vector's length is zero or too large, so it has no direction"
    }
  }
}

extension VectorMetric {
  /// The vector as it is stored and searched for.
  ///
  /// - Throws: `VectorFault` for the wrong dimension, numbers that are not finite, and under
  ///   cosine vectors without a direction.
  package func prepared(_ values: [Float], dimension: Int) throws(VectorFault) -> [Float] {
    guard values.count == dimension else {
      throw .wrongDimension(found: values.count, wanted: dimension)
    }
    if let place = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(place: place) }
    guard self == .cosine else { return values }
    // In double precision no finite float overflows or vanishes when squared.
    let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard norm > 0 else { throw .noDirection }
    return values.map { Float(Double($0) / norm) }
  }
}
