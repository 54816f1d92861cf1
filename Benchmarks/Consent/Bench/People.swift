internal import PrivacyCore

/// The people of the benchmark, by number.
enum People {
  /// A pid that looks like one under a real key: no order in it.
  static func pid(_ number: Int) -> PseudonymousID {
    var random = SplitMix64(seed: SplitMix64.mixed(UInt64(number)))
    return PseudonymousID(words: (random.next(), random.next(), random.next(), random.next()))
  }

  static let scope = "product_recs"
  static let source = "web-portal:v2"
}
