internal import HealthAPI
internal import PrivacyCore
internal import RPC

/// A rotation as people and scripts see it.
struct RotationView {
  private var status: RotationStatus
  private let client: ClientOptions

  /// How often a command that waits asks, in milliseconds.
  private static let intervalMs = 200

  init(_ status: RotationStatus, _ client: ClientOptions) {
    self.status = status
    self.client = client
  }

  private struct Output: Encodable {
    struct Version: Encodable {
      let version: UInt32
      let state: String
      let createdAt: String
      let destroyedAt: String?
      let valueCount: UInt64?
      let derived: [String]

      enum CodingKeys: String, CodingKey {
        case version, state
        case createdAt = "created_at"
        case destroyedAt = "destroyed_at"
        case valueCount = "value_count"
        case derived
      }
    }
    let state: String
    let version: UInt32
    let part: String
    let resealedCount: UInt64
    let remainingCount: UInt64
    let valuesPerSecond: Double
    let secondsLeft: Double?
    let failure: String?
    let subjectValueCount: UInt64?
    let versions: [Version]

    enum CodingKeys: String, CodingKey {
      case state, version, part
      case resealedCount = "resealed_count"
      case remainingCount = "remaining_count"
      case valuesPerSecond = "values_per_second"
      case secondsLeft = "seconds_left"
      case failure
      case subjectValueCount = "subject_value_count"
      case versions
    }

    init(_ status: RotationStatus) {
      state = status.state.name
      version = status.version
      part = status.part
      resealedCount = status.resealedCount
      remainingCount = status.remainingCount
      valuesPerSecond = status.valuesPerSecond
      secondsLeft = status.secondsLeft < 0 ? nil : status.secondsLeft
      failure = status.failure.isEmpty ? nil : status.failure
      subjectValueCount = status.counted ? status.subjectValueCount : nil
      versions = status.versions.map { version in
        Version(
          version: version.version, state: version.state, createdAt: version.createdAt,
          destroyedAt: version.destroyedAt.isEmpty ? nil : version.destroyedAt,
          valueCount: status.counted ? version.valueCount : nil, derived: version.derived)
      }
    }
  }

  /// The answer with one member more.
  private struct OutputBeside: Encodable {
    struct Name: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }

      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    let output: Output
    let name: String
    let value: any Encodable

    func encode(to encoder: any Encoder) throws {
      try output.encode(to: encoder)
      var container = encoder.container(keyedBy: Name.self)
      try container.encode(value, forKey: Name(stringValue: name))
    }
  }

  /// Prints it.
  ///
  /// - Parameter member: is printed too, where it is JSON.
  func show(beside member: (name: String, value: any Encodable)? = nil) throws {
    if client.json, let member {
      return try printJSON(
        OutputBeside(output: Output(status), name: member.name, value: member.value))
    }
    if client.json { return try printJSON(Output(status)) }
    print(sentence)
    var table = Table("version", "state", "made", "destroyed", "values", "keys that hang from it")
    for version in status.versions {
      table.add(
        String(version.version), version.state, version.createdAt, version.destroyedAt,
        status.counted ? String(version.valueCount) : "", Self.brief(version.derived))
    }
    table.show()
    if status.counted {
      print("under keys of people, which are not the service's: \(status.subjectValueCount)")
    }
  }

  private static func brief(_ names: [String]) -> String {
    let shown = names.prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown), \(names.count - 3) more" : shown
  }

  private var sentence: String {
    if !status.failure.isEmpty {
      return "sealing under version \(status.version) waits: \(status.failure)"
    }
    switch status.state {
    case .running:
      var text =
        "sealing under version \(status.version): \(status.remainingCount) values left, at "
        + "\(status.part), \(Int(status.valuesPerSecond)) a second"
      if status.secondsLeft >= 0 { text += ", \(Int(status.secondsLeft.rounded(.up))) s left" }
      return text
    case .paused: return "sealing under version \(status.version) is paused"
    case .interrupted:
      return "sealing under version \(status.version) was cut off: `rotation resume` goes on"
    case .done: return "nothing is sealed under an earlier version than \(status.version)"
    default: return "version \(status.version); no rotation so far"
    }
  }

  /// Waits for the end where that is wanted, and prints how it is then.
  mutating func finish(_ connection: RPCClient, waiting: Bool) async throws {
    if waiting {
      try await wait(connection)
      guard status.state == .done else {
        throw CommandFailure("the sealing has ended before it was done: it is \(status.state.name)")
      }
    }
    try show()
  }

  /// Shows a bar until the sealing does not run any more.
  mutating func wait(_ connection: RPCClient) async throws {
    let time = SystemTime()
    let bar = ProgressBar("sealing")
    defer { bar.finish() }
    while status.state == .running {
      let total = Double(status.resealedCount + status.remainingCount)
      bar.update(
        total > 0 ? Double(status.resealedCount) / total : 0,
        note: status.failure.isEmpty ? status.part : status.failure)
      try await time.sleep(milliseconds: Self.intervalMs)
      status = try await RotationClient(connection).showRotation(
        ShowRotationRequest(), options: client.callOptions)
    }
  }

  /// The newest version.
  var version: UInt32 { status.version }

  /// What it does.
  var state: RotationState { status.state }

  /// The versions that only open.
  var retiredVersions: [UInt32] {
    status.versions.filter { $0.state == "retired" }.map(\.version)
  }
}

extension RotationState {
  /// As scripts read it.
  var name: String {
    switch self {
    case .none: "none"
    case .running: "running"
    case .paused: "paused"
    case .interrupted: "interrupted"
    case .done: "done"
    case .unspecified, .unrecognized: "unknown"
    }
  }
}
