internal import FeaturesAPI
internal import Foundation
internal import PrivacyCore

/// A value of a feature or field as JSON.
enum JSONValue: Codable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case strings([String])
  case tallies([TallyJSON])

  struct TallyJSON: Codable {
    let key: String
    let days: UInt32
    let events: UInt32
    let last: String
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else {
      self = .strings(try container.decode([String].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .int(let value): try container.encode(value)
    case .double(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .strings(let values): try container.encode(values)
    case .tallies(let tallies): try container.encode(tallies)
    }
  }

  /// The value of a message; `nil` where it has none.
  init?(_ value: Value) {
    switch value.kind {
    case nil: return nil
    case .intValue(let number)?: self = .int(number)
    case .doubleValue(let number)?: self = .double(number)
    case .stringValue(let text)?: self = .string(text)
    case .boolValue(let truth)?: self = .bool(truth)
    case .strings(let list)?: self = .strings(list.values)
    case .tallies(let list)?:
      self = .tallies(
        list.tallies.map {
          TallyJSON(
            key: $0.key, days: $0.dayCount, events: $0.eventCount,
            last: Timestamp(microseconds: $0.lastAtUs).description)
        })
    }
  }

  /// The value as a message; null is a message without a value.
  var message: Value {
    switch self {
    case .null, .tallies: Value()
    case .bool(let value): Value(kind: .boolValue(value))
    case .int(let value): Value(kind: .intValue(value))
    case .double(let value): Value(kind: .doubleValue(value))
    case .string(let value): Value(kind: .stringValue(value))
    case .strings(let values): Value(kind: .strings(StringList(values: values)))
    }
  }

  /// The value in a cell of a table: long lists only with their beginning.
  var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): String(value)
    case .int(let value): String(value)
    case .double(let value): String(format: "%.4g", value)
    case .string(let value): value
    case .strings(let values): Self.list(values)
    case .tallies(let tallies): Self.list(tallies.map { "\($0.key)×\($0.events)" })
    }
  }

  private static func list(_ items: [String]) -> String {
    let shown = items.prefix(5).joined(separator: ", ")
    return items.count > 5 ? "\(shown), … (\(items.count))" : shown
  }
}

/// The features of one person as JSON.
struct RowJSON: Encodable {
  struct FeatureJSON: Encodable {
    let status: String
    let value: JSONValue?
    let reason: String?
    let time: String?
    let consentID: String?
  }

  let pid: String
  let features: [String: FeatureJSON]

  init(_ row: FeatureRow) {
    pid = PseudonymousID(bytes: row.pid)?.description ?? ""
    features = Dictionary(
      row.features.map { ($0.name, FeatureJSON($0)) }, uniquingKeysWith: { first, _ in first })
  }
}

extension RowJSON.FeatureJSON {
  init(_ feature: FeatureValue) {
    status = feature.status.text
    value = feature.value.flatMap { JSONValue($0) }
    reason = feature.reason.isEmpty ? nil : feature.reason
    time =
      feature.eventTimeUs == 0 ? nil : Timestamp(microseconds: feature.eventTimeUs).description
    consentID = feature.consentID.isEmpty ? nil : feature.consentID
  }
}

extension FeatureStatus {
  /// The status in a word.
  var text: String {
    switch self {
    case .present: "present"
    case .null: "null"
    case .notFound: "not_found"
    case .expired: "expired"
    case .withheld: "withheld"
    case .default: "default"
    case .unspecified, .unrecognized: "unknown"
    }
  }
}
