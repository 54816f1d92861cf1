/// The names protoc-c gives, after its rules (`c_helpers.cc` of protobuf-c 1.4).
enum CName {
  /// `tacit.consent.v1.GrantRequest` becomes `Tacit__Consent__V1__GrantRequest`.
  static func type(_ fullName: String) -> String {
    fullName.split(separator: ".").map { camel(String($0)) }.joined(separator: "__")
  }

  /// `tacit.consent.v1.GrantRequest` becomes `tacit__consent__v1__grant_request`.
  static func lowercased(_ fullName: String) -> String {
    fullName.split(separator: ".").map { snake(String($0)) }.joined(separator: "__")
  }

  /// The name of a field in its C structure.
  static func field(_ name: String) -> String { keywords.contains(name) ? name + "_" : name }

  private static func camel(_ name: String) -> String {
    name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  private static func snake(_ name: String) -> String {
    var result = ""
    var wasUpper = true
    for character in name {
      if character.isUppercase && !wasUpper { result += "_" }
      result += character.lowercased()
      wasUpper = character.isUppercase
    }
    return result
  }

  private static let keywords: Set<String> = [
    "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
    "class", "compl", "const", "const_cast", "continue", "default", "delete", "do", "double",
    "dynamic_cast", "else", "enum", "explicit", "extern", "false", "float", "for", "friend",
    "goto", "if", "inline", "int", "long", "mutable", "namespace", "new", "not", "not_eq",
    "operator", "or", "or_eq", "private", "protected", "public", "register",
    "reinterpret_cast", "return", "short", "signed", "sizeof", "static", "static_cast", "struct",
    "switch", "template", "this", "throw", "true", "try", "typedef", "typeid", "typename",
    "union", "unsigned", "using", "virtual", "void", "volatile", "while", "xor", "xor_eq",
  ]
}

/// The names in the Swift that is written.
enum SwiftName {
  /// `consent_id` becomes `consentID`, `timeout_ms` becomes `timeoutMs`.
  static func member(_ name: String) -> String {
    let words = name.lowercased().split(separator: "_").map(String.init)
    let rest = words.dropFirst().map { acronyms[$0] ?? $0.prefix(1).uppercased() + $0.dropFirst() }
    return (words.prefix(1) + rest).joined()
  }

  /// `member`, in backticks where Swift wants them.
  static func declaration(_ name: String) -> String { quoted(member(name)) }

  /// The case of an enum: `DECISION_ALLOW` of `Decision` becomes `allow`.
  static func enumCase(_ value: String, of type: String) -> String {
    var rest = value[...]
    for letter in type.uppercased() {
      if rest.first == "_" { rest.removeFirst() }
      guard rest.first == letter else { return quoted(member(value)) }
      rest.removeFirst()
    }
    let isPrefixed = rest.first == "_" && rest.dropFirst().first?.isLetter == true
    return quoted(member(isPrefixed ? String(rest.dropFirst()) : value))
  }

  /// `subject_kind` becomes `SubjectKind`.
  static func type(_ name: String) -> String {
    let member = member(name)
    return member.prefix(1).uppercased() + member.dropFirst()
  }

  /// A method: `ImportReceipts` becomes `importReceipts`.
  static func method(_ name: String) -> String {
    quoted(name.prefix(1).lowercased() + name.dropFirst())
  }

  private static func quoted(_ name: String) -> String {
    keywords.contains(name) ? "`\(name)`" : name
  }

  private static let acronyms = ["id": "ID", "ids": "IDs", "url": "URL"]

  private static let keywords: Set<String> = [
    "Any", "Protocol", "Self", "Type", "as", "associatedtype", "break", "case", "catch", "class",
    "continue", "default", "defer", "deinit", "do", "else", "enum", "extension", "fallthrough",
    "false", "fileprivate", "for", "func", "guard", "if", "import", "in", "init", "inout",
    "internal", "is", "let", "nil", "operator", "precedencegroup", "private", "protocol",
    "public", "repeat", "rethrows", "return", "self", "static", "struct", "subscript", "super",
    "switch", "throw", "throws", "true", "try", "typealias", "var", "where", "while",
  ]
}
