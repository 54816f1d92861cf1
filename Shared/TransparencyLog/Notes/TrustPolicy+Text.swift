extension TrustPolicy {
  /// Reads a policy: lines `log <vkey>`, `witness <name> <vkey>`, `group <name> <k|all|any>
  /// <names>` and one `quorum <name|none>`; empty lines and lines that begin with `#` say nothing.
  ///
  /// - Throws: `malformed` with the number of the line.
  public init(text: String) throws(TransparencyLogError) {
    guard text.utf8.count <= Self.byteCountMax else {
      throw .tooLarge("bytes of a policy", count: text.utf8.count, limit: Self.byteCountMax)
    }
    var reading = PolicyReading()
    for (index, line) in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
      .enumerated()
    {
      let words = line.split { $0 == 0x20 || $0 == 0x09 }.map { String(Substring($0)) }
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      do throws(TransparencyLogError) {
        try reading.read(words)
      } catch {
        throw .malformed("line \(index + 1) of a policy: \(error)")
      }
    }
    guard let quorum = reading.quorum else { throw .malformed("a policy without a quorum line") }
    try Self.check(reading.logs, .note)
    try Self.check(reading.witnesses, .cosignature)
    self.init(logs: reading.logs, witnesses: reading.witnesses, quorum: quorum)
  }
}

/// The lines of a policy so far.
private struct PolicyReading {
  var logs: [NoteKey] = []
  var witnesses: [NoteKey] = []
  var quorum: TrustPolicy.Quorum?
  private var named: [[UInt8]: TrustPolicy.Quorum] = [:]
  private var members: Set<[UInt8]> = []

  mutating func read(_ words: [String]) throws(TransparencyLogError) {
    switch (words[0], words.count) {
    case ("log", 2...3): logs.append(try NoteKey(text: words[1]))
    case ("witness", 3...4):
      let key = try NoteKey(text: words[2])
      witnesses.append(key)
      try define(words[1], .witness(key))
    case ("group", 4...): try readGroup(words)
    case ("quorum", 2):
      guard quorum == nil else { throw .malformed("a second quorum line") }
      quorum = words[1] == "none" ? TrustPolicy.Quorum.none : try value(of: words[1])
    default: throw .malformed("not a line of a policy")
    }
  }

  private mutating func readGroup(_ words: [String]) throws(TransparencyLogError) {
    var group: [TrustPolicy.Quorum] = []
    for name in words[3...] {
      group.append(try value(of: name))
      // Each witness counts in one way only.
      guard members.insert(Array(name.utf8)).inserted else {
        throw .malformed("a name that is a member twice")
      }
    }
    let threshold =
      switch words[2] {
      case "all": group.count
      case "any": 1
      default: UInt64(canonical: words[2]).flatMap { Int(exactly: $0) } ?? 0
      }
    guard (1...group.count).contains(threshold) else {
      throw .malformed("a threshold that is not in 1...\(group.count)")
    }
    try define(words[1], .group(threshold: threshold, group))
  }

  private mutating func define(
    _ name: String, _ value: TrustPolicy.Quorum
  ) throws(TransparencyLogError) {
    guard named.count < 2 * TrustPolicy.partCountMax else {
      throw .tooLarge(
        "names of a policy", count: named.count + 1, limit: 2 * TrustPolicy.partCountMax)
    }
    guard name != "none", named.updateValue(value, forKey: Array(name.utf8)) == nil else {
      throw .malformed("a name that is taken")
    }
  }

  private func value(of name: String) throws(TransparencyLogError) -> TrustPolicy.Quorum {
    guard let value = named[Array(name.utf8)] else {
      throw .malformed("a name that no line before defines")
    }
    return value
  }
}
