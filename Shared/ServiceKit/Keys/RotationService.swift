package import HealthAPI
internal import KeyManagement
package import RPC
internal import SealedStore
internal import Transport

/// Answers `tacit.health.v1.Rotation`: the keys that seal a running service's store.
package struct RotationService: RotationServing {
  private let rotation: KeyRotation

  package init(runtime: ServiceRuntime) { rotation = KeyRotation(runtime: runtime) }

  init(_ rotation: KeyRotation) { self.rotation = rotation }

  package func startRotation(
    _ request: StartRotationRequest, context: CallContext
  ) async throws -> RotationStatus {
    try await rotation.start(
      pace(request.valuesPerSecondMax), principal: context.peer.spiffeID)
    return try rotation.status(count: false)
  }

  package func showRotation(
    _ request: ShowRotationRequest, context: CallContext
  ) async throws -> RotationStatus {
    try rotation.status(count: request.count)
  }

  package func pauseRotation(
    _ request: PauseRotationRequest, context: CallContext
  ) async throws -> RotationStatus {
    try await rotation.pause(principal: context.peer.spiffeID)
    return try rotation.status(count: false)
  }

  package func resumeRotation(
    _ request: ResumeRotationRequest, context: CallContext
  ) async throws -> RotationStatus {
    try await rotation.resume(
      pace(request.valuesPerSecondMax), principal: context.peer.spiffeID)
    return try rotation.status(count: false)
  }

  package func retireVersion(
    _ request: RetireVersionRequest, context: CallContext
  ) async throws -> RetireVersionReply {
    guard request.confirmed else {
      throw RPCError(
        .failedPrecondition,
        "what only version \(request.version) opens, such as earlier backups, is lost with it: "
          + "confirm that")
    }
    let done = try await rotation.retire(
      request.version, keepDerived: request.keepDerived, principal: context.peer.spiffeID)
    return RetireVersionReply(
      provenSequence: done.sequence, kept: done.kept.map(\.description))
  }

  package func cutJournal(
    _ request: CutJournalRequest, context: CallContext
  ) async throws -> CutJournalReply {
    CutJournalReply(
      firstSequence: try await rotation.cutJournal(principal: context.peer.spiffeID))
  }

  private func pace(_ valuesPerSecondMax: UInt32) throws -> ResealPace {
    guard valuesPerSecondMax > 0 else { return ResealPace() }
    guard ResealPace.range.contains(Int(valuesPerSecondMax)) else {
      throw RPCError(
        .invalidArgument, "a pace is 1 to \(ResealPace.range.upperBound) values a second")
    }
    return ResealPace(valuesPerSecondMax: Int(valuesPerSecondMax))
  }
}
