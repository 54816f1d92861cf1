import ConsentFormats
import Foundation
import Testing

/// A published TC string with what its source says of it.
struct TCVector: Sendable, CustomTestStringConvertible {
  private let fields: [String: String]

  var testDescription: String { fields["name"] ?? "a string without a name" }
  var text: String { fields["text"] ?? "" }

  subscript(_ field: String) -> String? { fields[field] }

  /// The set in a field.
  func ids(_ field: String) -> [Int]? {
    fields[field].map { $0.split(separator: " ").compactMap { Int($0) } }
  }

  static func load() throws -> [TCVector] {
    try vectorText("tc-strings.txt").split(separator: "\n\n").compactMap { paragraph in
      var fields: [String: String] = [:]
      for line in paragraph.split(separator: "\n") where !line.hasPrefix("#") {
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        fields[parts[0].trimmingCharacters(in: .whitespaces)] =
          parts[1].trimmingCharacters(in: .whitespaces)
      }
      return fields.isEmpty ? nil : TCVector(fields: fields)
    }
  }
}

/// Writes TC strings bit by bit, also wrong ones.
struct TCWriter {
  private var bits: [Bool] = []

  mutating func number(_ value: Int, _ count: Int) {
    for place in stride(from: count - 1, through: 0, by: -1) {
      bits.append(value >> place & 1 == 1)
    }
  }

  mutating func set(_ ids: Set<Int>, _ count: Int) {
    for id in 0..<count { bits.append(ids.contains(id + 1)) }
  }

  mutating func bitField(_ ids: Set<Int>, max: Int) {
    number(max, 16)
    number(0, 1)
    set(ids, max)
  }

  mutating func ranges(_ ranges: [(Int, Int)], max: Int?) {
    if let max {
      number(max, 16)
      number(1, 1)
    }
    number(ranges.count, 12)
    for (first, last) in ranges {
      number(first == last ? 0 : 1, 1)
      number(first, 16)
      if first != last { number(last, 16) }
    }
  }

  /// The bits as base64url, filled up with 0 to whole characters.
  var text: String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    var text = ""
    for start in stride(from: 0, to: bits.count, by: 6) {
      var value = 0
      for place in start..<start + 6 {
        value = value << 1 | (place < bits.count && bits[place] ? 1 : 0)
      }
      text.append(alphabet[value])
    }
    return text
  }

  /// How many bits there are.
  var count: Int { bits.count }
}

/// A TC string's core, field by field.
struct TCCore {
  var version = 2
  var language = [4, 13]
  var policy = 4
  var isServiceSpecific = true
  var features: Set<Int> = []
  var consents: Set<Int> = []
  var interests: Set<Int> = []
  var isPurposeOneUndisclosed = false
  var vendorConsents: [(Int, Int)] = []
  var vendorInterests: [(Int, Int)] = []
  var vendorMax = 100
  var restrictions: [(purpose: Int, kind: Int, ranges: [(Int, Int)])] = []

  var writer: TCWriter {
    var writer = TCWriter()
    writer.number(version, 6)
    writer.number(15_822_430_593, 36)
    writer.number(15_822_430_594, 36)
    writer.number(27, 12)
    writer.number(3, 12)
    writer.number(1, 6)
    for letter in language { writer.number(letter, 6) }
    writer.number(150, 12)
    writer.number(policy, 6)
    writer.number(isServiceSpecific ? 1 : 0, 1)
    writer.number(1, 1)
    writer.set(features, 12)
    writer.set(consents, 24)
    writer.set(interests, 24)
    writer.number(isPurposeOneUndisclosed ? 1 : 0, 1)
    writer.number(3, 6)
    writer.number(4, 6)
    writer.ranges(vendorConsents, max: vendorMax)
    writer.ranges(vendorInterests, max: vendorMax)
    writer.number(restrictions.count, 12)
    for restriction in restrictions {
      writer.number(restriction.purpose, 6)
      writer.number(restriction.kind, 2)
      writer.ranges(restriction.ranges, max: nil)
    }
    return writer
  }

  var text: String { writer.text }
}
