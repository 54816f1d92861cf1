/// Vendors by their number in the Global Vendor List.
package struct TCFVendors: Hashable, Sendable {
  /// Apart from each other, the lowest first.
  package let ranges: [ClosedRange<Int>]

  /// The vendors in any of `ranges`, which may overlap.
  package init(_ ranges: [ClosedRange<Int>]) {
    var merged: [ClosedRange<Int>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
        merged[merged.count - 1] =
          last.lowerBound...Swift.max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    self.ranges = merged
  }

  /// Whether `vendor` is one of them. Logarithmic in the number of ranges.
  package func contains(_ vendor: Int) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < vendor { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(vendor)
  }

  /// How many there are.
  package var count: Int { ranges.reduce(0) { $0 + $1.count } }

  /// One by one, ascending.
  package var ids: [Int] { ranges.flatMap { Array($0) } }
}
