internal import SchemaModel

/// Writes a proto enum as a Swift enum that also holds numbers this build does not know.
struct EnumWriter {
  let type: EnumType

  func write(to source: inout SourceText) {
    let cases = type.values.map { (SwiftName.enumCase($0.name, of: type.name), $0) }
    source.comment(type.source.comment, otherwise: "`\(type.fullName)`.")
    source.block("public enum \(type.name): RawRepresentable, Hashable, Sendable") { source in
      for (name, value) in cases {
        source.comment(value.source.comment, otherwise: "`\(value.name)` = \(value.number).")
        source.line("case \(name)")
      }
      source.comment(["A number that this build does not know."])
      source.line("case unrecognized(Int32)")
      source.line()
      source.comment(["The case for a number of the schema."])
      source.block("public init(rawValue: Int32)") { source in
        source.block("switch rawValue") { source in
          for (name, value) in cases { source.line("case \(value.number): self = .\(name)") }
          source.line("default: self = .unrecognized(rawValue)")
        }
      }
      source.line()
      source.comment(["The number in the schema."])
      source.block("public var rawValue: Int32") { source in
        source.block("switch self") { source in
          for (name, value) in cases { source.line("case .\(name): \(value.number)") }
          source.line("case .unrecognized(let rawValue): rawValue")
        }
      }
    }
  }
}
