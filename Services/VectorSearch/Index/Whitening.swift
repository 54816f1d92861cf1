internal import CVectorKernels

extension VectorSlab {
  /// The rows in coordinates in which no direction is crowded: L⁻¹ (e − m), with m the mean of the
  /// rows, S their covariance, L the Cholesky factor of S / (trace S / dimension) + I.
  ///
  /// The inner product of two such rows is the Mahalanobis product of the rows themselves, with a
  /// ridge of one mean variance: what very many rows share counts less. Costs rows × dimension²
  /// multiplications: about half a second for 3,740 × 512.
  package func whitened() -> VectorSlab {
    let whitened = VectorSlab(dimension: dimension, rowCapacity: rowCount)
    guard rowCount > 0 else { return whitened }
    var mean = [Float](repeating: 0, count: dimension)
    for row in 0..<rowCount { add(row, times: 1 / Float(rowCount), to: &mean) }
    let centred = (0..<rowCount).map { row in zip(self[row], mean).map { $0 - $1 } }
    let columns = Self.choleskyColumns(ofCovarianceOf: centred, dimension: dimension)
    for var row in centred {
      // Forward substitution, column by column.
      for place in 0..<dimension {
        row[place] /= columns[place][0]
        let solved = row[place]
        guard solved != 0 else { continue }
        let below = dimension - place - 1
        unsafe columns[place].withUnsafeBufferPointer { column in
          unsafe row.withUnsafeMutableBufferPointer { row in
            guard let column = column.baseAddress, let row = row.baseAddress else { return }
            unsafe tacit_add_scaled(row + place + 1, column + 1, -solved, below)
          }
        }
      }
      whitened.append(row)
    }
    return whitened
  }

  /// The columns of L from the diagonal down, where L Lᵀ = S / mu + I. No eigenvalue of that is
  /// below 1, so that there is always one.
  private static func choleskyColumns(
    ofCovarianceOf rows: [[Float]], dimension: Int
  ) -> [[Float]] {
    var covariance = (0..<dimension).map { [Float](repeating: 0, count: dimension - $0) }
    for row in rows {
      unsafe row.withUnsafeBufferPointer { row in
        guard let row = row.baseAddress else { return }
        for place in 0..<dimension where unsafe row[place] != 0 {
          // Only from the diagonal on: the matrix is symmetric.
          unsafe tacit_add_scaled(
            &covariance[place], row + place, row[place] / Float(rows.count), dimension - place)
        }
      }
    }
    let variance = covariance.reduce(0) { $0 + Double($1[0]) } / Double(dimension)
    guard variance > 0 else {
      return (0..<dimension).map { [1] + [Float](repeating: 0, count: dimension - $0 - 1) }
    }
    var columns = covariance.map { $0.map { Double($0) / variance } }
    for place in 0..<dimension { columns[place][0] += 1 }
    for place in 0..<dimension {
      let root = columns[place][0].squareRoot()
      columns[place] = columns[place].map { $0 / root }
      let pivot = columns[place]
      for later in place + 1..<max(place + 1, dimension) {
        let weight = pivot[later - place]
        guard weight != 0 else { continue }
        for below in later..<dimension {
          columns[later][below - later] -= weight * pivot[below - place]
        }
      }
    }
    return columns.map { $0.map(Float.init) }
  }
}
