package import AccessPack
internal import AuditAPI
package import AuditLog
package import DynamicMessages
package import PrivacyCore
internal import ReflectionAPI
internal import SchemaModel
internal import Transport
package import WireFormat

/// What a service gathers of one person. There is one only while a logged access is being answered:
/// code that reads a person's rows without their consent asks for it.
package struct HeldRecords: ~Copyable {
  private(set) var text: HeldText
  /// The pids that are asked for.
  package let pids: [PseudonymousID]

  private let service: String
  private let codec: MessageCodec

  init(service: WellKnownService, pids: [PseudonymousID], byteCountMax: Int) throws {
    self.service = service.rawValue
    self.pids = pids
    text = HeldText(limit: byteCountMax)
    var limits = DynamicLimits()
    // A stored value may be larger than a message.
    limits.messageByteCountMax = 16 << 20
    codec = MessageCodec(
      try SchemaCatalog(descriptorSet: EmbeddedSchema.descriptorSet), limits: limits)
  }

  /// Adds a record of named values.
  package mutating func add(
    _ section: String, _ members: [(name: String, value: JSONValue)]
  ) throws(AccessFault) {
    try text.add(
      "\(service).\(section)", members.map { JSONValue.Member($0.name, $0.value) })
  }

  /// Adds a stored message with every field that is set, secret ones too, behind `key`: what stands
  /// in its row's key. A field that is added to the schema is in it by itself.
  package mutating func add(
    _ section: String, key: [(name: String, value: JSONValue)] = [],
    _ message: some WireMessage
  ) throws {
    try add(section, key + members(of: message))
  }

  /// The set fields of a message, by the names of the schema.
  package func members<Message: WireMessage>(
    of message: Message
  ) throws -> [(name: String, value: JSONValue)] {
    let json = try codec.json(
      unpacking: message.packed(), as: Message.messageName,
      style: JSONStyle(showsSecrets: true))
    guard case .object(let members) = json else { return [] }
    return members.map { ($0.name, $0.value) }
  }

  /// Adds a sentence that the person must know to understand the rest.
  package mutating func remark(_ sentence: String) throws(AccessFault) {
    try add("remark", [("text", .string(sentence))])
  }

  // MARK: - The log

  /// Adds what the log says of the people under pids of theirs that were not asked for.
  package mutating func add(
    mentionsOf others: Set<PseudonymousID>, in audit: AuditLog
  ) async throws {
    guard !others.isEmpty else { return }
    var mentions: [AuditLog.Mention] = []
    let asked = Set(pids.map(\.bytes))
    try await audit.mentions(of: others) { mention in
      // What names a pid that was asked for is added with what the log says of that one.
      if mention.record.pids.allSatisfy({ !asked.contains($0) }) { mentions.append(mention) }
    }
    for mention in mentions { try add(mention, of: pids + others.sorted()) }
  }

  /// Adds what the log says of the person.
  mutating func add(_ mention: AuditLog.Mention) throws(AccessFault) {
    try add(mention, of: pids)
  }

  private mutating func add(
    _ mention: AuditLog.Mention, of pids: [PseudonymousID]
  ) throws(AccessFault) {
    let record = mention.record
    var members: [(name: String, value: JSONValue)] = [
      ("entry", .number("\(mention.place)")), ("at_us", .number("\(record.atUs)")),
      ("action", .string(record.action)), ("who", .string(Self.capacity(of: record.principal))),
    ]
    if !record.purpose.isEmpty { members.append(("purpose", .string(record.purpose))) }
    let own = Set(pids.map(\.bytes))
    let named = pids.filter { record.pids.contains($0.bytes) }
    members.append(("pids", .array(named.map(JSONValue.pid))))
    if record.pids.allSatisfy(own.contains) {
      // Of an entry about several people the rest cannot be told apart.
      if !record.consentIDs.isEmpty {
        members.append(("consent_ids", .array(record.consentIDs.map { .string($0) })))
      }
      for detail in record.details {
        members.append(("detail.\(detail.name)", .string(detail.value)))
      }
    } else {
      members.append(("with_others", .bool(true)))
    }
    try add("log", members)
  }

  /// In what capacity somebody acted: the person has a right to that, and the employee one to not
  /// being named (CJEU C-579/21).
  package static func capacity(of principal: String) -> String {
    guard let peer = try? PeerIdentity(spiffeID: principal) else { return "this machine" }
    return switch peer.kind {
    case .service: "the service \(peer.name)"
    case .user: "somebody with the role \(peer.role)"
    case .local: "this machine"
    }
  }

  /// Whether a text is somebody's name on the wire.
  package static func isPrincipal(_ text: String) -> Bool {
    text == PeerIdentity.local.spiffeID || (try? PeerIdentity(spiffeID: text)) != nil
  }
}

extension JSONValue {
  /// A time as records have it: microseconds since the epoch.
  package static func time(_ microseconds: Int64) -> JSONValue { .number("\(microseconds)") }

  /// A pid as records have it.
  package static func pid(_ pid: PseudonymousID) -> JSONValue { .string(pid.description) }
}
