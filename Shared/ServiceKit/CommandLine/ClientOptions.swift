public import ArgumentParser
internal import Foundation
internal import Logging
public import RPC
public import Transport

/// How a command reaches a service and shows its answer.
public struct ClientOptions: ParsableArguments, Sendable {
  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "Where the service is, as host:port.",
      discussion: "Else from TACIT_<SERVICE>_ENDPOINT, else the service's port on this machine."))
  public var endpoint: String?

  @OptionGroup public var identity: IdentityOptions

  @Flag(help: "Print JSON, for scripts.")
  public var json = false

  @Option(name: .customLong("timeout-ms"), help: "Give up after so many milliseconds.")
  public var timeoutMs = 30_000

  public init() {}

  public mutating func validate() throws {
    guard timeoutMs > 0 else { throw ValidationError("--timeout-ms must be above 0") }
  }

  /// A client of `service`; it connects with the first call.
  public func client(of service: WellKnownService) throws -> RPCClient {
    try identity.client(of: service, at: endpoint)
  }

  /// Runs `body` with a client of `service` and closes it afterwards.
  public func with<Result>(
    _ service: WellKnownService, _ body: (RPCClient) async throws -> Result
  ) async throws -> Result {
    let connection = try client(of: service)
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  /// What each call of this command carries.
  public var callOptions: CallOptions { CallOptions(timeoutMs: timeoutMs) }
}

/// Who this process is: a certificate, or nobody on plain loopback TCP.
public struct IdentityOptions: ParsableArguments, Sendable {
  @Option(
    name: .customLong("identity"),
    help: ArgumentHelp(
      "The directory with ca.pem and the certificates (TACIT_IDENTITY; "
        + "var/stack/trust/identity)."))
  public var directory: String?

  @Option(
    name: .customLong("as"),
    help: "Which certificate in it to show (TACIT_AS; admin-dev for commands).")
  public var name: String?

  @Flag(help: "Plain TCP without identities, on loopback addresses only (TACIT_PLAIN=1).")
  public var plain = false

  public init() {}

  /// A client of `service` at `endpoint`, else where its variable says, else at its port on this
  /// machine; it connects with the first call. It logs nothing: a command says itself what failed.
  ///
  /// - Throws: `ValidationError` where the address is none.
  public func client(of service: WellKnownService, at endpoint: String? = nil) throws -> RPCClient {
    let text = Environment.setting(
      endpoint, variable: service.endpointVariable, default: service.defaultEndpointText)
    return try RPCClient(
      endpoints: try Reading.endpoints(
        text, of: endpoint == nil ? service.endpointVariable : "--to"),
      security: clientSecurity(expects: service.rawValue),
      log: Logger(label: "tacit.client", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  /// A client of whichever service answers at `endpoint`.
  ///
  /// - Throws: `ValidationError` where the address is none.
  public func client(at endpoint: String) throws -> RPCClient {
    try RPCClient(
      endpoints: try Reading.endpoints(endpoint, of: "--to"),
      security: isPlain ? .plainLoopback : .mutualTLS(try material(defaultName: "admin-dev")),
      log: Logger(label: "tacit.client", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  /// How this process protects its connections to a service of this name.
  public func clientSecurity(expects service: String) throws -> ClientSecurity {
    isPlain ? .plainLoopback : .mutualTLS(try material(defaultName: "admin-dev"), expects: service)
  }

  /// How the service of this name protects its connections to another one.
  public func peerSecurity(of service: String, expects other: String) throws -> ClientSecurity {
    isPlain ? .plainLoopback : .mutualTLS(try material(defaultName: service), expects: other)
  }

  /// How this process, as the service of this name, protects its port.
  public func serverSecurity(of service: String) throws -> ServerSecurity {
    isPlain ? .plainLoopback : .mutualTLS(try material(defaultName: service))
  }

  /// The certificate that is shown.
  public func material(defaultName: String) throws -> TLSMaterial {
    let directory = URL(
      filePath: Environment.setting(
        directory, variable: "TACIT_IDENTITY", default: "var/stack/trust/identity"))
    let name = Environment.setting(name, variable: "TACIT_AS", default: defaultName)
    let material = TLSMaterial(
      certificatePath: directory.appending(path: "\(name).pem").path,
      keyPath: directory.appending(path: "\(name)-key.pem").path,
      authorityPath: directory.appending(path: "ca.pem").path)
    guard FileManager.default.fileExists(atPath: material.certificatePath) else {
      throw CommandFailure(
        "no certificate \(material.certificatePath); make one with `tacit dev-certs` or name "
          + "another directory with --identity")
    }
    return material
  }

  var isPlain: Bool { Environment.flag(plain, variable: "TACIT_PLAIN") }
}
