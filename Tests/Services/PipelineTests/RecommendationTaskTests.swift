internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import TestSupport
internal import Testing

/// Worked out by hand. Before the cut of 2011-06-01: 10001 has five buyers, 10002 four (one of them
/// twice), 10003 six of long ago, 10004 seven.
@Suite("The recommendation task")
struct RecommendationTaskTests {
  private static let rows = [
    // item, customers, day, text
    ("10001", [1, 2, 3, 4, 5], "2011-05-20", "RED LANTERN"),
    ("10002", [1, 2, 3, 4], "2011-05-20", "TEA POT"),
    ("10002", [1], "2011-05-21", "TEA POT"),
    ("10003", [1, 2, 3, 4, 5], "2011-01-10", "BLUE DOOR"),
    ("10003", [6], "2011-01-11", "BLUE DOOR, NEW"),
    ("10004", [1, 2, 3, 4, 5, 6, 7], "2011-05-25", "CLOCK"),
    // The first shopping day after the cut counts, and no later one.
    ("10001", [1], "2011-06-03", "RED LANTERN"),
    ("10004", [1], "2011-06-03", "CLOCK"),
    ("10002", [1], "2011-06-03", "TEA POT"),
    ("10003", [1], "2011-06-05", "BLUE DOOR"),
    // Only an item with too few buyers on the first day.
    ("10002", [2], "2011-06-04", "TEA POT"),
    ("10001", [2], "2011-06-06", "RED LANTERN"),
    // On the cut itself; on the last day of the window; a day behind it.
    ("10003", [4], "2011-06-01", "BLUE DOOR"),
    ("10001", [6], "2011-06-10", "RED LANTERN"),
    ("10004", [6], "2011-06-10", "CLOCK"),
    ("10003", [7], "2011-06-28", "BLUE DOOR"),
    ("10001", [3], "2011-06-29", "RED LANTERN"),
    // Somebody who had bought nothing before.
    ("10001", [8], "2011-06-02", "RED LANTERN"),
  ]

  private static func task() async throws -> RecommendationTask {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let mapping = try IngestMapping(
      contentsOf: root.appending(path: "Examples/online-retail/mapping.yaml"))
    var text =
      "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    for (item, customers, day, description) in rows {
      for customer in customers {
        text += "5,\(item),\"\(description)\",1,\(day) 10:00:00,2.5,\(customer),UK\n"
      }
    }
    // Neither a cancellation nor a row without a customer is a purchase.
    text += "C6,10002,TEA POT,-1,2011-05-20 10:00:00,2.5,9,UK\n"
    text += "7,10002,TEA POT,1,2011-05-20 10:00:00,2.5,,UK\n"
    return try await withTemporaryDirectory { directory in
      try Data(text.utf8).write(to: directory.appending(path: "online_retail_example.csv"))
      let data = try #require(try DemoData.find(in: directory))
      let history = try RetailHistory(data, mapping: mapping)
      let cut = try #require(Timestamp(rfc3339: "2011-06-01T00:00:00Z"))
      return RecommendationTask(history, cutDay: Int32(cut.day), windowDays: 28)
    }
  }

  private static let fillers = (1...19).map { "filler-\($0)" }

  @Test("an item is kept at five buyers before the cut and not at four")
  func keptItems() async throws {
    let task = try await Self.task()
    #expect(task.catalogue.map(\.item) == ["10001", "10003", "10004"])
    #expect(task.catalogue.map(\.text) == ["RED LANTERN", "BLUE DOOR", "CLOCK"])
    #expect(task.cut.description.hasPrefix("2011-06-01T00:00:00"))
  }

  @Test("popularity counts customers, of all time and of the last 60 days")
  func popularity() async throws {
    let task = try await Self.task()
    #expect(task.popularAllTime == ["10004", "10003", "10001"])
    #expect(task.popular60Days == ["10004", "10001", "10003"])
  }

  @Test("subjects are those with a history, and their targets the first shopping day's items")
  func subjects() async throws {
    let subjects = try await Self.task().subjects
    #expect(subjects.map(\.customer) == ["1", "4", "6", "7"])
    #expect(
      subjects.map(\.targets) == [["10001", "10004"], ["10003"], ["10001", "10004"], ["10003"]])
    #expect(subjects.last?.bought == ["10004"])
  }

  @Test("recall is measured at 20, over all items and over those new to the customer")
  func recall() async throws {
    let task = try await Self.task()
    // 1 and 6 find one of two, 4 and 7 nothing; the list has nothing new to anybody.
    var recall = task.recall(of: ["10004"])
    #expect(recall.all == 0.25)
    #expect(recall.new == 0)

    // Twenty places: 10001 comes too late, but what a customer has makes room for it: 6 finds the
    // only new target, 7 does not, and 1 and 4 have none.
    recall = task.recall(of: Self.fillers + ["10004", "10001", "10003"])
    #expect(recall.all == 0.25)
    #expect(recall.new == 0.5)

    recall = task.recall(of: ["10003", "10001", "10004"])
    #expect(recall.all == 1)
    #expect(recall.new == 1)
  }

  @Test("nothing is measured without targets, and more than 20 targets can all be found")
  func recallOfOne() {
    var recall = RecommendationTask.Recall()
    recall.add(["a"], targets: [])
    #expect(recall.mean == 0)
    #expect(recall.subjectCount == 0)
    let items = (0..<30).map(String.init)
    recall.add(items, targets: Set(items))
    #expect(recall.mean == 1)
    recall.add(items.reversed(), targets: Set(items[..<10]))
    #expect(recall.mean == 0.5)
    #expect(recall.subjectCount == 2)
  }
}
