package import PrivacyCore

/// The recommendation task: learn from the purchases before a cut, name 20 items, and compare them
/// with what each customer bought on the first shopping day on or after the cut.
///
/// Items count when at least 5 customers bought them before the cut; customers when they bought
/// such an item before it, and one in the window after it.
package struct RecommendationTask: Sendable {
  /// A customer whose next shopping day is known.
  package struct Subject: Sendable {
    package let customer: String
    /// What was bought that day.
    package let targets: Set<String>
    /// What was bought before the cut.
    package let bought: Set<String>
  }

  /// A recommender's hits: recall@20 = hits / min(20, targets), averaged over the subjects that
  /// have a target.
  package struct Recall: Sendable {
    private var sum = 0.0
    private var count = 0

    package init() {}

    package mutating func add(_ recommended: [String], targets: Set<String>) {
      guard !targets.isEmpty else { return }
      let hits = recommended.prefix(20).count { targets.contains($0) }
      sum += Double(hits) / Double(min(20, targets.count))
      count += 1
    }

    package var mean: Double { count == 0 ? 0 : sum / Double(count) }
    package var subjectCount: Int { count }
  }

  package let cutDay: Int32
  /// The items, with the descriptions of the catalogue, by code.
  package let catalogue: [(item: String, text: String)]
  package let subjects: [Subject]
  /// Items by the number of customers who bought them before the cut, in all and in the 60 days
  /// before it, most popular first. Without noise: the yardstick, never served.
  package let popularAllTime: [String]
  package let popular60Days: [String]

  /// The first instant that is not seen by the recommender.
  package var cut: Timestamp { Timestamp(seconds: Int64(cutDay) * 86_400) }

  /// The task in `history` with a cut and a window of so many days.
  package init(_ history: RetailHistory, cutDay: Int32, windowDays: Int32) {
    self.cutDay = cutDay
    let train = history.purchases.filter { $0.day < cutDay }
    let buyers = Self.buyers(train, itemCount: history.items.count)
    let isKept = buyers.map { $0.count >= 5 }
    let lastDay = train.map(\.day).max() ?? cutDay
    let recent = Self.buyers(
      train.filter { lastDay - $0.day < 60 }, itemCount: history.items.count)
    let kept = history.items.indices.filter { isKept[$0] }.sorted {
      history.items[$0] < history.items[$1]
    }
    catalogue = kept.map { (history.items[$0], history.descriptions[$0]) }
    popularAllTime = kept.sorted { buyers[$0].count > buyers[$1].count }.map { history.items[$0] }
    popular60Days = kept.sorted { recent[$0].count > recent[$1].count }.map { history.items[$0] }

    var bought: [Int32: Set<String>] = [:]
    for purchase in train where isKept[Int(purchase.item)] {
      bought[purchase.customer, default: []].insert(history.items[Int(purchase.item)])
    }
    let test = history.purchases.filter { $0.day >= cutDay && $0.day < cutDay + windowDays }
    var firstDay: [Int32: Int32] = [:]
    for purchase in test {
      firstDay[purchase.customer] = min(firstDay[purchase.customer] ?? .max, purchase.day)
    }
    var targets: [Int32: Set<String>] = [:]
    for purchase in test
    where firstDay[purchase.customer] == purchase.day && isKept[Int(purchase.item)] {
      targets[purchase.customer, default: []].insert(history.items[Int(purchase.item)])
    }
    subjects = targets.compactMap { customer, items in
      bought[customer].map {
        Subject(customer: history.customers[Int(customer)], targets: items, bought: $0)
      }
    }.sorted { $0.customer < $1.customer }
  }

  /// The recall of one list for everyone: over all items, and over items new to each customer.
  package func recall(of ranking: [String]) -> (all: Double, new: Double) {
    var all = Recall()
    var new = Recall()
    for subject in subjects {
      all.add(Array(ranking.prefix(20)), targets: subject.targets)
      let unseen = ranking.lazy.filter { !subject.bought.contains($0) }.prefix(20)
      new.add(Array(unseen), targets: subject.targets.subtracting(subject.bought))
    }
    return (all.mean, new.mean)
  }

  private static func buyers(
    _ purchases: [RetailHistory.Purchase], itemCount: Int
  ) -> [Set<Int32>] {
    var buyers = [Set<Int32>](repeating: [], count: itemCount)
    for purchase in purchases { buyers[Int(purchase.item)].insert(purchase.customer) }
    return buyers
  }
}
