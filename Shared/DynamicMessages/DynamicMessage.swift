package import SchemaModel

/// A message whose type is only known when the program runs: the values of its fields, by number.
package struct DynamicMessage: Sendable {
  /// One value of a field.
  package enum Value: Sendable {
    case bool(Bool)
    /// int32 and int64.
    case signed(Int64)
    /// uint32 and uint64.
    case unsigned(UInt64)
    case float(Float)
    case double(Double)
    case text(String)
    case bytes([UInt8])
    case enumeration(Int32)
    case message(DynamicMessage)
  }

  /// Its type.
  package let index: MessageIndex

  /// The values that are there; a field that is not repeated has one.
  private(set) var values: [Int32: [Value]] = [:]

  package init(_ index: MessageIndex) { self.index = index }

  subscript(field: Field) -> [Value] { values[field.number] ?? [] }

  /// Sets a field. One that is in a oneof replaces the others there.
  mutating func set(_ field: Field, _ list: [Value]) {
    if let oneof = field.oneof {
      for other in index.type.fields where other.oneof == oneof && other.number != field.number {
        values[other.number] = nil
      }
    }
    values[field.number] = list
  }

  /// Adds to a repeated field.
  mutating func append(_ field: Field, _ value: Value) {
    values[field.number, default: []].append(value)
  }
}

/// Reads and writes messages by the types of a catalog: JSON, and protobuf's own bytes.
package struct MessageCodec: Sendable {
  package let catalog: SchemaCatalog
  package let limits: DynamicLimits

  package init(_ catalog: SchemaCatalog, limits: DynamicLimits = DynamicLimits()) {
    self.catalog = catalog
    self.limits = limits
  }

  func index(_ name: String, at path: FieldPath) throws(DynamicMessageError) -> MessageIndex {
    guard let index = catalog.message(name) else {
      throw path.fault("is a \(name), which the schema does not define")
    }
    return index
  }

  /// Refuses what the generated types refuse too, so that the sender learns it first.
  func checkLimits(
    of value: DynamicMessage.Value, _ field: Field, at path: FieldPath
  ) throws(DynamicMessageError) {
    let byteCount: Int
    switch value {
    case .text(let text):
      if text.utf8.contains(0) { throw path.fault("holds a NUL") }
      byteCount = text.utf8.count
    case .bytes(let bytes): byteCount = bytes.count
    default: return
    }
    if let limit = field.maxBytes, byteCount > limit {
      throw path.fault("has \(byteCount) bytes, the limit is \(limit)")
    }
  }

  func checkCount(
    _ count: Int, _ field: Field, at path: FieldPath
  ) throws(DynamicMessageError) {
    if let limit = field.maxCount, count > limit {
      throw path.fault("has \(count) elements, the limit is \(limit)")
    }
  }
}

/// Where in a message something stands: `leaves[2].text`.
struct FieldPath {
  let text: String
  /// How many messages it is inside of.
  let depth: Int

  static let root = FieldPath(text: "", depth: 1)

  func field(_ name: String) -> FieldPath {
    FieldPath(text: text.isEmpty ? name : "\(text).\(name)", depth: depth)
  }

  func element(_ index: Int) -> FieldPath { FieldPath(text: "\(text)[\(index)]", depth: depth) }

  /// The same place, as a message of its own.
  func entered(_ limits: DynamicLimits) throws(DynamicMessageError) -> FieldPath {
    guard depth < limits.nestingDepthMax else {
      throw fault("is nested more than \(limits.nestingDepthMax) messages deep")
    }
    return FieldPath(text: text, depth: depth + 1)
  }

  func fault(_ problem: String) -> DynamicMessageError { .field(path: text, problem: problem) }
}
