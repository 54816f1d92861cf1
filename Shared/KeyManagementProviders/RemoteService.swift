internal import Foundation
internal import HTTP
internal import KeyManagement
internal import PrivacyCore

/// A key management service behind HTTP: what all of those have in common.
struct RemoteService: Sendable {
  /// What an answer means.
  enum Verdict<Value: Sendable> {
    case done(Value)
    /// Another try may go better; the text says why this one did not.
    case again(String)
    case failed(KeyManagementError)
  }

  /// The provider's kind and where it is, as messages name it: `aws-kms at https://…`.
  let name: String

  private let client: HTTPClient
  private let environment: ProviderEnvironment

  var address: HTTPAddress { client.address }

  /// - Parameter authorityFile: a PEM file of the authorities to trust instead of the system's.
  init(
    provider: String, address: HTTPAddress, authorityFile: String? = nil,
    environment: ProviderEnvironment
  ) throws(KeyManagementError) {
    name = "\(provider) at \(address.origin)"
    self.environment = environment
    do {
      client = try HTTPClient(address, authorityFile: authorityFile)
    } catch {
      throw .setting("\(provider): \(error)")
    }
  }

  var now: Timestamp { environment.time.now }

  /// Sends what `request` makes until `judge` is content, a failure is final, or the deadline has
  /// come. Pauses are random in 0 to a bound that doubles, so that many callers do not come back
  /// in step.
  func call<Value: Sendable>(
    _ request: () throws(KeyManagementError) -> HTTPRequest, judge: (HTTPAnswer) -> Verdict<Value>
  ) async throws(KeyManagementError) -> Value {
    let (limits, time) = (environment.limits, environment.time)
    let start = time.monotonicMicroseconds
    var pauseMs = limits.pauseMsMin
    var reason = ""
    var attemptCount = 0
    while true {
      attemptCount += 1
      let leftMs = limits.deadlineMs - Int((time.monotonicMicroseconds - start) / 1_000)
      // Made anew for each try: a signature is only good for some minutes.
      let request = try request()
      switch await answer(to: request, timeoutMs: min(limits.answerMs, leftMs)) {
      case .success(let answer):
        switch judge(answer) {
        case .done(let value): return value
        case .failed(let error): throw error
        case .again(let why): reason = why
        }
      case .failure(let failure):
        // A last try that the deadline cut short tells less than what came before it.
        let isCutShort = failure.isTimeout && leftMs < limits.answerMs
        if reason.isEmpty || !isCutShort { reason = failure.description }
      }
      let waitMs = Int(environment.random.word() % UInt64(pauseMs + 1))
      let spentMs = Int((time.monotonicMicroseconds - start) / 1_000)
      guard spentMs + waitMs < limits.deadlineMs else {
        throw .unavailable(
          reason: "\(name): \(reason) (tries: \(attemptCount) in \(limits.deadlineMs) ms)")
      }
      do throws(CancellationError) {
        try await time.sleep(milliseconds: waitMs)
      } catch {
        throw .unavailable(reason: "\(name): given up while it was tried: \(reason)")
      }
      pauseMs = min(pauseMs * 2, limits.pauseMsMax)
    }
  }

  private func answer(
    to request: HTTPRequest, timeoutMs: Int
  ) async -> Result<HTTPAnswer, HTTPFailure> {
    do throws(HTTPFailure) {
      return .success(try await client.send(request, timeoutMs: timeoutMs))
    } catch {
      return .failure(error)
    }
  }
}

/// How bodies are read and written: JSON with the vendors' own names.
enum JSONBody {
  static func encode(_ value: some Encodable) throws(KeyManagementError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(value))
    } catch {
      throw .setting("a request cannot be written as JSON")
    }
  }

  /// `nil` for anything else than a `Value`; what the decoder says may quote a key.
  static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(bytes))
  }
}
