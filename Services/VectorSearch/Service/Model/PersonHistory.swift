internal import FeaturesAPI
internal import Gate
internal import PrivacyCore

/// What one person had, item by item: personal data, made only against a proof of consent.
struct PersonHistory: Sendable {
  /// One item that the person had.
  struct Item: Sendable {
    /// Its place on the shelf.
    let place: Int
    /// The days on which the person had it, counted from the epoch, ascending; the latest 1,000.
    let days: [Int32]
    /// On how many days in all.
    let dayCount: Int
  }

  /// The items that are on the shelf, the most recent first.
  let items: [Item]
  /// The receipt under which it was read.
  let consentID: ConsentID

  /// The history that the feature store gave for the person and scope of the proof.
  init(_ tallies: [Tally], on shelf: ItemShelf, under proof: consuming ConsentProof) {
    consentID = proof.consentID
    items = tallies.compactMap { tally in
      guard let place = shelf.place(of: tally.key), !tally.days.isEmpty else { return nil }
      return Item(
        place: place, days: tally.days, dayCount: max(Int(tally.dayCount), tally.days.count))
    }
  }
}
