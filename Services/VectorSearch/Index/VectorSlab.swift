internal import CVectorKernels
internal import Glibc

/// Rows of floats one behind the other, in memory of their own: left out of core files, locked
/// into memory where the process may do that, and overwritten before it is given back.
///
/// Not safe for writing from several threads at once; its owner sees to that.
@safe package final class VectorSlab: @unchecked Sendable {
  // Unchecked: whoever owns it either never writes after it was filled, or holds a lock.

  /// The number of floats of a row.
  package let dimension: Int
  /// The number of rows in use.
  package private(set) var rowCount = 0
  private var rowCapacity = 0
  private var base: UnsafeMutablePointer<Float>?

  /// An empty slab.
  ///
  /// - Parameter rowCapacity: for so many rows there is room before it has to grow.
  package init(dimension: Int, rowCapacity: Int = 0) {
    precondition(dimension > 0, "a vector has at least one number")
    self.dimension = dimension
    if rowCapacity > 0 { grow(to: rowCapacity) }
  }

  deinit { unsafe release(base, rowCapacity: rowCapacity) }

  /// The row at a place.
  package subscript(row: Int) -> [Float] {
    precondition(row < rowCount, "there is no such row")
    guard let base = unsafe base else { return [] }
    return unsafe Array(
      UnsafeBufferPointer(start: base + row * dimension, count: dimension))
  }

  /// Adds a row at the end.
  package func append(_ values: [Float]) {
    if rowCount == rowCapacity { grow(to: max(64, rowCapacity * 2)) }
    rowCount += 1
    replace(rowCount - 1, with: values)
  }

  /// Overwrites a row.
  package func replace(_ row: Int, with values: [Float]) {
    precondition(row < rowCount && values.count == dimension, "a row has the slab's dimension")
    guard let base = unsafe base else { return }
    for (index, value) in values.enumerated() { unsafe base[row * dimension + index] = value }
  }

  /// Removes a row: the last one takes its place, and where that stood is overwritten.
  package func remove(_ row: Int) {
    precondition(row < rowCount, "there is no such row")
    guard let base = unsafe base else { return }
    let last = unsafe base + (rowCount - 1) * dimension
    if row < rowCount - 1 {
      unsafe (base + row * dimension).update(from: last, count: dimension)
    }
    unsafe explicit_bzero(last, dimension * MemoryLayout<Float>.stride)
    rowCount -= 1
  }

  // MARK: - Kernels

  /// The inner product of every row with `query`.
  package func innerProducts(with query: [Float]) -> [Float] {
    precondition(query.count == dimension, "a query has the slab's dimension")
    return unsafe scores { scores in
      unsafe tacit_inner_products(base, rowCount, dimension, query, scores)
    }
  }

  /// The squared Euclidean distance of every row to `query`.
  package func squaredDistances(to query: [Float]) -> [Float] {
    precondition(query.count == dimension, "a query has the slab's dimension")
    return unsafe scores { scores in
      unsafe tacit_squared_distances(base, rowCount, dimension, query, scores)
    }
  }

  /// Adds a row, times a weight, to `sum`.
  package func add(_ row: Int, times weight: Float, to sum: inout [Float]) {
    precondition(row < rowCount && sum.count == dimension, "a sum has the slab's dimension")
    guard let base = unsafe base else { return }
    unsafe tacit_add_scaled(&sum, base + row * dimension, weight, dimension)
  }

  private func scores(_ fill: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    unsafe Array(unsafeUninitializedCapacity: rowCount) { buffer, count in
      if let scores = buffer.baseAddress, rowCount > 0 { unsafe fill(scores) }
      count = rowCount
    }
  }

  // MARK: - Memory

  private func grow(to capacity: Int) {
    let byteCount = Self.byteCount(capacity, dimension)
    let memory = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
      preconditionFailure("the system has no memory left for vectors")
    }
    // Core files never hold vectors of people. Locking can be forbidden by a limit of the system;
    // then vectors can reach the swap space, as the threat model says.
    unsafe madvise(memory, byteCount, MADV_DONTDUMP)
    unsafe mlock(memory, byteCount)
    let grown = unsafe memory.bindMemory(to: Float.self, capacity: capacity * dimension)
    if let base = unsafe base {
      unsafe grown.update(from: base, count: rowCount * dimension)
    }
    unsafe release(base, rowCapacity: rowCapacity)
    unsafe base = grown
    rowCapacity = capacity
  }

  private func release(_ memory: UnsafeMutablePointer<Float>?, rowCapacity: Int) {
    guard let memory = unsafe memory else { return }
    let byteCount = Self.byteCount(rowCapacity, dimension)
    unsafe explicit_bzero(memory, byteCount)
    unsafe munmap(memory, byteCount)
  }

  private static func byteCount(_ rowCapacity: Int, _ dimension: Int) -> Int {
    rowCapacity * dimension * MemoryLayout<Float>.stride
  }
}
