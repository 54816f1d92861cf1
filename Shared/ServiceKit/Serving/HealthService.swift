internal import CommonAPI
internal import HealthAPI
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import Synchronization

/// Answers `tacit.health.v1.Health` for whichever service it stands beside.
final class HealthService: HealthServing {
  private let runtime: ServiceRuntime
  private let service: any TacitService
  private let rotation: KeyRotation
  private let startedAt: Timestamp
  private let isDraining = Mutex(false)

  init(_ service: any TacitService, runtime: ServiceRuntime, rotation: KeyRotation) {
    self.service = service
    self.rotation = rotation
    self.runtime = runtime
    startedAt = runtime.time.now
  }

  /// From now on the answer is that the service takes no more calls.
  func drain() { isDraining.withLock { $0 = true } }

  func check(_ request: CheckRequest, context: CallContext) async throws -> CheckReply {
    if isDraining.withLock({ $0 }) { return CheckReply(state: .draining, advice: "it is stopping") }
    if let failure = try runtime.store.statistics().writeFailure {
      return CheckReply(state: .degraded, advice: "\(failure)")
    }
    if let obstacle = await service.obstacle() {
      return CheckReply(state: .starting, advice: obstacle)
    }
    return CheckReply(state: .ready)
  }

  func status(_ request: StatusRequest, context: CallContext) async throws -> ServiceStatus {
    let statistics = try runtime.store.statistics()
    var status = ServiceStatus()
    status.name = runtime.service.rawValue
    status.version = TacitVersion.text
    status.startedAtUs = startedAt.microseconds
    status.lastSequence = statistics.lastSequence.value
    status.measures = await service.measures().map { Measure(name: $0.name, value: $0.value) }
    status.measures += rotation.measures().map { Measure(name: $0.name, value: $0.value) }
    status.measures.append(
      Measure(
        name: "store_bytes", value: Double(statistics.tablesByteCount + statistics.journalByteCount)
      ))
    return status
  }
}
