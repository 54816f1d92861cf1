internal import Yams

/// A node of the YAML of definitions, with where it stands.
struct DefinitionNode {
  private let node: Node
  let line: Int
  let column: Int

  private init(_ node: Node) {
    self.node = node
    line = node.mark?.line ?? 1
    column = node.mark?.column ?? 1
  }

  /// The root of `text`.
  static func root(of text: String) throws(DefinitionError) -> DefinitionNode {
    if let place = AnchorSearch.firstPlace(in: text) {
      // An alias in an alias in an alias grows without bounds; definitions have no use for it.
      throw DefinitionError(
        line: place.line, column: place.column, reason: "anchors and aliases are not accepted")
    }
    do {
      guard let node = try Yams.compose(yaml: text) else {
        throw DefinitionError(line: 1, column: 1, reason: "expected \"views:\", found nothing")
      }
      return DefinitionNode(node)
    } catch let error as DefinitionError {
      throw error
    } catch let error as YamlError {
      throw Self.definitionError(error)
    } catch {
      throw DefinitionError(line: 1, column: 1, reason: "not YAML")
    }
  }

  func error(_ reason: String) -> DefinitionError {
    DefinitionError(line: line, column: column, reason: reason)
  }

  // MARK: - Shapes

  /// The entries of a mapping, each key in `keys` and there once; `what` says what it describes.
  func entries(of what: String, keys: [String]) throws(DefinitionError) -> [String: DefinitionNode]
  {
    var entries: [String: DefinitionNode] = [:]
    for (key, value) in try pairs(of: what) {
      guard let name = key.text, keys.contains(name) else {
        throw key.error("unknown key in \(what); expected one of \(keys.joined(separator: ", "))")
      }
      entries[name] = value
    }
    return entries
  }

  /// The entries of a mapping in their order.
  func pairs(of what: String) throws(DefinitionError) -> [(DefinitionNode, DefinitionNode)] {
    guard case .mapping(let mapping) = node else { throw error("expected \(what) as key: value") }
    return mapping.map { (DefinitionNode($0.key), DefinitionNode($0.value)) }
  }

  /// The items of a list.
  func items(of what: String) throws(DefinitionError) -> [DefinitionNode] {
    guard case .sequence(let sequence) = node else { throw error("expected a list of \(what)") }
    return sequence.map { DefinitionNode($0) }
  }

  /// The text of a scalar, quoted or not.
  var text: String? {
    guard case .scalar(let scalar) = node else { return nil }
    return scalar.string
  }

  /// The scalar as YAML's core schema reads it: quoted is text, 1 is a whole number.
  var datum: FeatureDatum? {
    guard case .scalar(let scalar) = node else { return nil }
    guard scalar.style == .plain else { return .string(scalar.string) }
    switch scalar.string {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "", "~", "null": return nil
    default:
      if let whole = Int64(scalar.string) { return .int(whole) }
      if let number = Double(scalar.string), number.isFinite,
        scalar.string.utf8.contains(where: { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
      {
        return .double(number)
      }
      return .string(scalar.string)
    }
  }

  private static func definitionError(_ error: YamlError) -> DefinitionError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      DefinitionError(line: mark.line, column: mark.column, reason: "not YAML: \(problem)")
    case .duplicatedKeysInMapping(_, let context):
      DefinitionError(
        line: context.mark.line, column: context.mark.column, reason: "the same key twice")
    default: DefinitionError(line: 1, column: 1, reason: "not YAML")
    }
  }
}

/// Finds where a YAML text names an anchor or an alias: `&` or `*` at the start of a word. It
/// looks into quoted text too, where it refuses what YAML would take.
private enum AnchorSearch {
  static func firstPlace(in text: String) -> (line: Int, column: Int)? {
    var line = 1
    var column = 0
    var isWordStart = true
    var pending: (line: Int, column: Int)?
    for character in text.unicodeScalars {
      column += 1
      let isBreak = " \t\r\n,[]{}:-?\"'".unicodeScalars.contains(character)
      if let pending, !isBreak { return pending }
      pending = isWordStart && (character == "&" || character == "*") ? (line, column) : nil
      isWordStart = isBreak
      if character == "\n" {
        line += 1
        column = 0
      }
    }
    return nil
  }
}
