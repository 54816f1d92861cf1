package import PrivacyCore

/// What one store says that it did for an erasure. It signs this with the key of its own log, and the
/// certificate names it by its hash.
///
///     tacit-erasure-statement/v1
///     log tacit/features/0011223344556677
///     service features
///     pid AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8
///     sequence 41
///     time 1768048496000000
///     removed 1003
///     left 0
///
/// The vault adds a line `key destroyed 7`, or `key absent 0`: the epoch of its keys in which the
/// subject key went. The trainer adds `models 2` and a line for each of them.
package struct ErasureStatement: Hashable, Sendable {
  private static let heading = "tacit-erasure-statement/v1"

  /// The most models that a statement lists; of more it gives the number.
  package static let modelCountMax = 500

  /// What became of the subject key.
  package enum Key: Hashable, Sendable {
    /// It was destroyed, in this epoch of the vault's keys.
    case destroyed(epoch: UInt64)
    /// The vault never had one.
    case absent
  }

  /// The origin of the log whose key signs.
  package var origin: String
  /// The store's service.
  package var service: String
  /// The person.
  package var pid: PseudonymousID
  /// The position of the erasure in the consent log.
  package var sequence: UInt64
  /// When the store was looked through again, in microseconds since the epoch.
  package var atUs: Int64
  /// How many rows went.
  package var removed: UInt64
  /// How many rows of the person that look found: 0, or the erasure is not done.
  package var left: UInt64
  /// What the vault says of the subject key; of no other store.
  package var key: Key?
  /// How many models the trainer has; of no other store.
  package var modelCount: UInt64?
  /// The newest of them.
  package var models: [ModelMention] = []

  package init(
    origin: String, service: String, pid: PseudonymousID, sequence: UInt64, atUs: Int64,
    removed: UInt64, left: UInt64
  ) {
    self.origin = origin
    self.service = service
    self.pid = pid
    self.sequence = sequence
    self.atUs = atUs
    self.removed = removed
    self.left = left
  }

  /// The text that is signed.
  package var text: String {
    var text = """
      \(Self.heading)
      log \(origin)
      service \(service)
      pid \(Base64URL.encode(pid.bytes))
      sequence \(sequence)
      time \(atUs)
      removed \(removed)
      left \(left)

      """
    switch key {
    case .destroyed(let epoch): text += "key destroyed \(epoch)\n"
    case .absent: text += "key absent 0\n"
    case nil: break
    }
    if let modelCount { text += "models \(modelCount)\n" }
    for model in models { text += "model \(model.text)\n" }
    return text
  }

  /// Reads such a text; `nil` for any other. There is one text for each statement.
  package init?(text: String) {
    guard var lines = NoteLines(text, heading: Self.heading), let origin = lines.take("log"),
      let service = lines.take("service"), let pid = lines.takePerson(),
      let sequence: UInt64 = lines.takeNumber("sequence"),
      let atUs: Int64 = lines.takeNumber("time"),
      let removed: UInt64 = lines.takeNumber("removed"),
      let left: UInt64 = lines.takeNumber("left")
    else { return nil }
    self.init(
      origin: origin, service: service, pid: pid, sequence: sequence, atUs: atUs, removed: removed,
      left: left)
    if let epoch = lines.take("key destroyed").flatMap({ UInt64($0) }) {
      key = .destroyed(epoch: epoch)
    } else if lines.take("key absent") != nil {
      key = .absent
    }
    modelCount = lines.takeNumber("models")
    models = lines.takeAll("model").compactMap { ModelMention(text: $0) }
    // Whatever was not understood is missing from the text now.
    guard self.text.utf8.elementsEqual(text.utf8) else { return nil }
  }
}

/// A model that may have learned from a person, and the most it can tell of anybody: its (ε, δ).
package struct ModelMention: Hashable, Sendable {
  /// "m_" and a ULID.
  package var id: String
  /// The scope that people had to allow.
  package var scope: String
  /// When it was made, in microseconds since the epoch.
  package var madeAtUs: Int64
  /// What the model spent of the privacy budget.
  package var epsilon: Double
  /// At this delta.
  package var delta: Double

  package init(id: String, scope: String, madeAtUs: Int64, epsilon: Double, delta: Double) {
    self.id = id
    self.scope = scope
    self.madeAtUs = madeAtUs
    self.epsilon = epsilon
    self.delta = delta
  }

  /// Its line in a note.
  var text: String { "\(id) \(scope) \(madeAtUs) \(epsilon) \(delta)" }

  init?(text: String) {
    let words = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
    guard words.count == 5, let madeAtUs = Int64(words[2]), let epsilon = Double(words[3]),
      let delta = Double(words[4])
    else { return nil }
    self.init(id: words[0], scope: words[1], madeAtUs: madeAtUs, epsilon: epsilon, delta: delta)
  }
}
