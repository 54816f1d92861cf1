package import AccessPack
internal import CommonAPI
internal import ConsentAPI
internal import FeaturesAPI
package import PrivacyCore
package import RPC
internal import TrainerAPI
package import VaultAPI
internal import VectorsAPI

/// Asks every service what it holds of one person. Whoever gathers holds a certificate for each of
/// them: no service gets the data of another, and the vault least of all, where names are.
package struct AccessGathering: Sendable {
  private let client: @Sendable (String) async throws -> RPCClient
  private let options: CallOptions

  /// - Parameter client: gives a client of the service with this name. The caller closes it.
  package init(
    options: CallOptions, client: @escaping @Sendable (String) async throws -> RPCClient
  ) {
    self.client = client
    self.options = options
  }

  /// The pack. The vault is asked first, since it alone knows under which pids services may hold
  /// something.
  ///
  /// - Parameters:
  ///   - madeAt: the time that the pack states.
  ///   - isPartial: a service out of reach, except the vault, is left out and named. Otherwise
  ///     nothing comes about.
  ///   - progress: is told how many services have answered.
  /// - Throws: `AccessFault`, which names the service that did not answer.
  package func pack(
    about question: VaultHoldingsRequest, madeAt: Timestamp, isPartial: Bool,
    progress: (Int) -> Void = { _ in }
  ) async throws -> AccessPack {
    let vault = try await answer(of: "vault") { client, options in
      try await VaultClient(client).holdings(question, options: options)
    }
    let pids = vault.pids.compactMap { PseudonymousID(bytes: $0) }
    guard !pids.isEmpty, pids.count == vault.pids.count else {
      throw AccessFault.noAnswer(service: "vault", reason: "it names no pids")
    }
    progress(1)
    let request = HoldingsRequest(pids: vault.pids, ticket: question.ticket)
    var parts = [vault.part]
    var missing: [AccessPack.Missing] = []
    for service in AccessPack.services.dropFirst() {
      do {
        parts.append(try await answer(of: service, to: request).part)
      } catch let fault as AccessFault {
        guard isPartial, case .noAnswer(_, let reason) = fault else { throw fault }
        missing.append(AccessPack.Missing(service: service, reason: reason))
      }
      progress(parts.count + missing.count)
    }
    return try AccessPack(
      madeAt: madeAt, ticket: question.ticket, pids: pids, parts: parts, missing: missing)
  }

  private func answer(
    of service: String, to request: HoldingsRequest
  ) async throws -> Answer {
    try await answer(of: service) { client, options in
      switch service {
      case "consent": try await ConsentClient(client).holdings(request, options: options)
      case "features": try await FeaturesClient(client).holdings(request, options: options)
      case "trainer": try await TrainerClient(client).holdings(request, options: options)
      default: try await VectorsClient(client).holdings(request, options: options)
      }
    }
  }

  private struct Answer {
    let part: AccessPart
    let pids: [[UInt8]]
  }

  private func answer(
    of service: String,
    _ ask: (RPCClient, CallOptions) async throws -> ReplyStream<HoldingsChunk>
  ) async throws -> Answer {
    do {
      let client = try await client(service)
      var text: [UInt8] = []
      var pids: [[UInt8]] = []
      var statement: HoldingsStatement?
      for try await chunk in try await ask(client, options) {
        guard statement == nil else { throw Self.fault(service, "it goes on behind its end") }
        guard text.count + chunk.text.count <= HeldText.byteCountMax else {
          throw AccessFault.tooLarge(
            byteCount: text.count + chunk.text.count, limit: HeldText.byteCountMax)
        }
        text += chunk.text
        pids += chunk.pids
        statement = chunk.statement
      }
      guard let statement else { throw Self.fault(service, "its answer was cut off") }
      return Answer(
        part: try AccessPart(
          service: service, text: text, note: statement.note, proof: statement.proof,
          salt: statement.salt, content: statement.content),
        pids: pids)
    } catch let error as RPCError {
      throw Self.fault(service, error.message.isEmpty ? "\(error.code)" : error.message)
    }
  }

  private static func fault(_ service: String, _ reason: String) -> AccessFault {
    .noAnswer(service: service, reason: reason)
  }
}
