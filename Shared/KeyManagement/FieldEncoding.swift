/// Fields one after the other, each with its length in front (4 bytes, big-endian): no two lists
/// of fields have the same encoding.
package struct FieldEncoding {
  package private(set) var bytes: [UInt8] = []

  mutating func append(_ field: some Collection<UInt8>) {
    append(UInt32(field.count))
    bytes.append(contentsOf: field)
  }

  mutating func append(_ text: String) { append(text.utf8) }

  mutating func append(_ number: UInt32) {
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
  }

  /// A context in the order of its names' bytes.
  package init(context: [String: String]) {
    append(UInt32(context.count))
    let ordered = context.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    for (name, value) in ordered {
      append(name)
      append(value)
    }
  }

  init() {}
}
