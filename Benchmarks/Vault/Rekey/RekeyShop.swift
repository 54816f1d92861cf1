internal import AuditLog
internal import CommonAPI
internal import Cryptography
internal import FeatureStoreService
internal import FeaturesAPI
internal import Foundation
internal import Gate
internal import Logging
internal import PrivacyCore
internal import RPC
internal import Renaming
internal import SealedStore
internal import Synchronization
internal import Transport
internal import WireFormat

/// A feature store in process, with people who have rows and another pid each.
final class RekeyShop: Sendable {
  let service: FeatureStoreService
  private let store: SealedStore
  private let personCount: Int
  private let consentID: ConsentID
  private let time = SystemTime()
  private let sequence = Atomic<UInt64>(0)
  private let keys: RekeyBenchKeys

  private static let views = """
    views:
      - name: profile
        entity: customer
        features:
          - {name: score, type: double, scope: analytics}
    """

  /// Opens the store in an empty directory; everybody allows analytics.
  init(
    at directory: URL, personCount: Int, pace: RekeyPace, cachedValueCountMax: Int
  ) async throws {
    self.personCount = personCount
    keys = try RekeyBenchKeys(personCount: personCount)
    consentID = ConsentID(at: time.now, random: SystemRandom())
    store = try SealedStore.open(
      at: directory,
      keys: SealingKeyRing(
        current: SealingKey(
          id: KeyID(rawValue: 1), secret: SecretBytes(random: SystemRandom(), count: 32))),
      tables: FeatureStoreService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "features"))
    var configuration = FeatureStoreConfiguration()
    configuration.rekeyPace = pace
    configuration.cachedValueCountMax = cachedValueCountMax
    let time = time
    service = try FeatureStoreService(
      store: store, audit: AuditLog(store: store, time: time), keys: keys, time: time,
      log: Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() }),
      configuration: configuration
    ) { effects in Gate.forTests(effects: effects) }
    _ = try await service.applyViews(
      ApplyViewsRequest(yaml: Self.views), context: context(FeaturesMethods.applyViews))
    try await change {
      Self.pid($0)
    } kind: { _ in
      .grant
    }
  }

  func close() { store.close() }

  private func context(_ method: MethodDescriptor) -> CallContext {
    CallContext(peer: .local, method: method, time: time)
  }

  /// The pid of a person, before and after the renaming.
  static func pid(_ number: Int, isNext: Bool = false) -> PseudonymousID {
    var word = UInt64(number * 2 + (isNext ? 1 : 0)) &+ 0x9E37_79B9_7F4A_7C15
    func next() -> UInt64 {
      word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
      word ^= word >> 31
      return word
    }
    return PseudonymousID(words: (next(), next(), next(), next()))
  }

  /// Gives each person rows of different days.
  func fill(rowCount: Int) async throws {
    let now = time.now.microseconds
    let peoplePerCall = max(1, 10_000 / rowCount)
    for start in stride(from: 0, to: personCount, by: peoplePerCall) {
      var request = WriteRowsRequest(view: "profile")
      for person in start..<min(personCount, start + peoplePerCall) {
        for row in 0..<rowCount {
          request.rows.append(
            Row(
              pid: Self.pid(person).bytes, consentID: consentID.description,
              eventTimeUs: now - Int64(row + 1) * 3_600_000_000,
              fields: [Field(name: "score", value: Value(kind: .doubleValue(Double(row))))]))
        }
      }
      let reply = try await service.writeRows(request, context: context(FeaturesMethods.writeRows))
      guard Int(reply.written) == request.rows.count else {
        throw RekeyBenchError(
          description: "rows were refused: \(reply.rejections.first?.reason ?? "")")
      }
    }
  }

  /// Gives the first people their other pids, as the consent log does.
  func rename(_ count: Int) async throws {
    try await change(count) {
      Self.pid($0, isNext: true)
    } kind: {
      .renaming(former: Self.pid($0), rotation: 1)
    }
  }

  private func change(
    _ count: Int? = nil, pid: (Int) -> PseudonymousID, kind: (Int) -> ConsentChange.Kind
  ) async throws {
    let count = count ?? personCount
    for start in stride(from: 0, to: count, by: 1_024) {
      try await service.gate.apply(
        (start..<min(count, start + 1_024)).map { number in
          ConsentChange(
            sequence: LogSequenceNumber(sequence.add(1, ordering: .relaxed).newValue),
            pid: pid(number), kind: kind(number), scopes: [Scope("analytics")].compactMap { $0 },
            consentID: consentID, grantedAt: Timestamp(microseconds: 0),
            expiresAt: Timestamp(microseconds: .max))
        })
    }
  }

  /// Moves everybody who was renamed.
  func moveAll() async throws {
    for _ in 0..<100 where try await service.rekeyJob.moveAll().isEmpty { return }
    throw RekeyBenchError(description: "somebody cannot be moved")
  }

  /// Microseconds of single calls for so long.
  func latencies(readers: Int, seconds: Double) async throws -> [Double] {
    try await latencies(readers: readers) { try await Task.sleep(for: .seconds(seconds)) }
  }

  /// Microseconds of single calls for one random person, as long as `body` runs.
  func latencies(
    readers: Int, during body: @escaping @Sendable () async throws -> Void
  ) async throws -> [Double] {
    let end = RekeyBenchEnd()
    return try await withThrowingTaskGroup(of: [Double].self) { group in
      for reader in 0..<readers {
        group.addTask { try await self.read(seed: UInt64(reader), until: end) }
      }
      group.addTask {
        defer { end.reach() }
        try await body()
        return []
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
  }

  private func read(seed: UInt64, until end: RekeyBenchEnd) async throws -> [Double] {
    var found: [Double] = []
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    let context = context(FeaturesMethods.get)
    while !end.isReached {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      let pid = Self.pid(Int(state % UInt64(personCount)))
      let start = ContinuousClock.now
      let reply = try await service.get(
        GetRequest(pids: [pid.bytes], features: ["profile:score"], purpose: "bench"),
        context: context)
      found.append((ContinuousClock.now - start) / .microseconds(1))
      await Task.yield()
      guard reply.rows.first?.features.first?.status == .present else {
        throw RekeyBenchError(description: "a person was not found")
      }
    }
    return found
  }
}

/// What went wrong.
struct RekeyBenchError: Error, CustomStringConvertible {
  let description: String
}

/// When readers are to stop.
final class RekeyBenchEnd: Sendable {
  private let state = Atomic<Bool>(false)

  var isReached: Bool { state.load(ordering: .acquiring) }
  func reach() { state.store(true, ordering: .releasing) }
}

/// Keys of everybody, by both names.
struct RekeyBenchKeys: SubjectKeySource {
  private let keys: [PseudonymousID: SealingKey]

  init(personCount: Int) throws {
    var keys: [PseudonymousID: SealingKey] = [:]
    for number in 0..<personCount {
      let key = try SealingKey(
        id: .subject, secret: SecretBytes(random: SystemRandom(), count: SealingKey.keyByteCount))
      keys[RekeyShop.pid(number)] = key
      keys[RekeyShop.pid(number, isNext: true)] = key
    }
    self.keys = keys
  }

  func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey] {
    Dictionary(
      pids.compactMap { pid in keys[pid].map { (pid, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  func forget(_ pid: PseudonymousID) {}
}
