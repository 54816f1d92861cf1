package import FeaturesAPI
package import Gate
internal import PrivacyCore

/// Takes in people one by one and keeps only sums over them.
package protocol PersonFold: ~Copyable {
  /// Adds one person, who comes once. Reading the row consumes the proof that it may be read.
  mutating func add(_ row: FeatureRow, under proof: consuming ConsentProof)
}

/// Counts people: all of them, those who have a feature, or by the value of a feature.
package struct CountFold: PersonFold, ~Copyable, Sendable {
  /// What is counted.
  package enum Question: Sendable {
    /// Everybody.
    case people
    /// Those who have a value.
    case holders
    /// By value; other values are passed over.
    case values([String: Int])
  }

  private let question: Question
  private var totals: ExactTotals

  package init(_ question: Question, plan: ReleasePlan) {
    self.question = question
    totals = ExactTotals(for: plan)
  }

  package mutating func add(_ row: FeatureRow, under proof: consuming ConsentProof) {
    let bin: Int? =
      switch question {
      case .people: 0
      case .holders: row.presentValue == nil ? nil : 0
      case .values(let bins): row.presentValue?.category.flatMap { bins[$0] }
      }
    guard let bin else { return }
    totals.add(
      LatticeVector(countingAt: bin, latticeNorm: totals.latticeNorm(ofPart: 0)), toPart: 0)
  }

  /// The totals of everybody added.
  package consuming func finish() -> ExactTotals { totals }
}

/// Adds up what people bought into the popularity of items, and the receipts they stand on.
package struct PopularityFold: PersonFold, ~Copyable, Sendable {
  /// The parts of a plan for it: the items, and the number of people.
  package static func parts(itemCount: Int, peopleShare: Double) -> [ReleasePlan.Part] {
    [
      ReleasePlan.Part(dimension: itemCount, share: 1 - peopleShare),
      ReleasePlan.Part(dimension: 1, share: peopleShare),
    ]
  }

  private let catalogue: Catalogue
  private let cutDay: Int
  private var totals: ExactTotals
  private var receipts: [String] = []

  /// - Parameter cutDay: the day from which ages are counted, in days since the epoch.
  package init(_ catalogue: Catalogue, cutDay: Int, plan: ReleasePlan) {
    self.catalogue = catalogue
    self.cutDay = cutDay
    totals = ExactTotals(for: plan)
  }

  package mutating func add(_ row: FeatureRow, under proof: consuming ConsentProof) {
    guard case .tallies(let list)? = row.presentValue?.kind else { return }
    let history = catalogue.purchases(in: list)
    totals.add(
      PurchasePopularity.vector(
        of: history, cutDay: cutDay, latticeNorm: totals.latticeNorm(ofPart: 0)), toPart: 0)
    totals.add(
      LatticeVector(countingAt: 0, latticeNorm: totals.latticeNorm(ofPart: 1)), toPart: 1)
    receipts.append(proof.consentID.description)
  }

  /// The totals of everybody added, and the root over their receipts in the order of their ids.
  package consuming func finish() throws -> LearnedTotals {
    let root = try MerkleTree.root(of: receipts.sorted().lazy.map { Array($0.utf8) })
    return LearnedTotals(totals: totals, receiptsRoot: root)
  }
}

/// What a training run sums up before any noise: never copied, consumed by the release.
package struct LearnedTotals: ~Copyable {
  package let totals: ExactTotals
  package let receiptsRoot: [UInt8]

  /// The totals alone, for the release.
  package consuming func intoTotals() -> ExactTotals { totals }
}

extension Catalogue {
  /// The items of the catalogue in a person's tallies, each once.
  func purchases(in list: TallyList) -> [PurchasePopularity.Purchases] {
    var seen: Set<Int> = []
    return list.tallies.compactMap { tally in
      guard let place = place(of: tally.key), let first = tally.days.min(),
        let last = tally.days.max(), seen.insert(place).inserted
      else { return nil }
      return PurchasePopularity.Purchases(
        item: place, firstDay: Int(first), lastDay: Int(last),
        isFirstKnown: Int(tally.dayCount) <= tally.days.count)
    }
  }
}

extension FeatureRow {
  /// The value of the one feature asked for, where the person has one. A declared default is not
  /// the person's own.
  fileprivate var presentValue: Value? {
    guard let feature = features.first, feature.status == .present else { return nil }
    return feature.value
  }
}

extension Value {
  /// The value as a histogram's key; `nil` for values that are no category.
  fileprivate var category: String? {
    switch kind {
    case .stringValue(let text): text
    case .boolValue(let truth): truth ? "true" : "false"
    case .intValue(let number): String(number)
    case .doubleValue, .strings, .tallies, nil: nil
    }
  }
}
