internal import Foundation
internal import ServiceKit
internal import TestSupport
internal import Testing

@Suite("Refused lines")
struct RejectListTests {
  @Test("without any there is no file")
  func none() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending(path: "refused.tsv")
      let list = RejectList(path: file.path)
      try list.add([])
      #expect(list.count == 0)
      #expect(!FileManager.default.fileExists(atPath: file.path))
    }
  }

  @Test("each has its line and its reason, below a header; an earlier list is replaced")
  func listed() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending(path: "refused.tsv")
      try Data("from an earlier run".utf8).write(to: file)
      let list = RejectList(path: file.path)
      try list.add([(line: 3, reason: "no scope"), (line: 5, reason: "not JSON")])
      try list.add([(line: 9, reason: "no scope")])
      #expect(list.count == 3)
      #expect(
        try String(contentsOf: file, encoding: .utf8)
          == "line\treason\n3\tno scope\n5\tnot JSON\n9\tno scope\n")
    }
  }

  @Test("a place that cannot be written to is named")
  func unwritable() {
    let list = RejectList(path: "/no/such/directory/refused.tsv")
    let failure = #expect(throws: CommandFailure.self) {
      try list.add([(line: 1, reason: "not JSON")])
    }
    #expect(failure?.description.contains("/no/such/directory/refused.tsv") == true)
  }
}

@Suite("Reading JSON that a person wrote")
struct JSONTextTests {
  private struct Row: Decodable {
    let id: String
    let values: [Double]?
    let inner: Inner?
    struct Inner: Decodable { let day: Date }
  }

  @Test("what is well-formed is read, unknown members are passed over")
  func read() throws {
    let row = try decodeJSON(Row.self, from: #"{"id":"a","values":[1,2.5],"more":1}"#)
    #expect(row.id == "a" && row.values == [1, 2.5])
  }

  @Test(
    "what is wrong is named by its place, and never repeated",
    arguments: [
      ("{}", "it has no id"), (#"{"id":17}"#, "id is of another type"),
      (#"{"id":null}"#, "id is of another type"),
      (#"{"id":"a","values":[1,"secret"]}"#, "values[1] is of another type"),
      (#"{"id":"a","inner":{"day":"secret"}}"#, "inner.day is of another type"),
      (#"{"id":"a","inner":{}}"#, "it has no day"), ("[]", "it is of another type"),
      ("secret", "not JSON"), ("", "not JSON"), (#"{"id":"a""#, "not JSON"),
    ])
  func refused(text: String, reason: String) {
    let failure = #expect(throws: CommandFailure.self) { try decodeJSON(Row.self, from: text) }
    #expect(failure?.description == reason)
  }
}
