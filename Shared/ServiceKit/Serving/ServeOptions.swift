public import ArgumentParser
public import Foundation
public import KeyManagement
public import Logging
public import TransparencyLog
public import Transport

/// The settings that every `serve` shares. Each is a flag, else an environment variable, else a
/// default; `docker-compose.yml` and `tacit up` use the variables.
public struct ServeOptions: ParsableArguments, Sendable {
  @Option(
    help: ArgumentHelp(
      "The address to listen on, as host:port (TACIT_LISTEN; the service's port on 127.0.0.1).",
      valueName: "host:port"))
  public var listen: String?

  @Option(
    help: ArgumentHelp(
      "The directory of this service's store (TACIT_STORE; var/stack/<service>-store).",
      valueName: "directory"))
  public var store: String?

  @Option(
    help: ArgumentHelp(
      "Which KMS holds the root key, as file:PATH, aws-kms:ARN, pkcs11:MODULE…; "
        + "docs/KEY_MANAGEMENT.md has them all (TACIT_KMS; "
        + "file:var/stack/trust/kms/<service>.json).",
      valueName: "provider:place"))
  public var kms: String?

  @OptionGroup public var identity: IdentityOptions

  @Option(help: "trace, debug, info, notice, warning or error (TACIT_LOG_LEVEL; info).")
  public var logLevel: String?

  @Option(
    help: ArgumentHelp(
      "Where another service is, as name=host:port[,host:port…]; may be given several times "
        + "(TACIT_CONSENT_ENDPOINT, …).",
      valueName: "name=host:port"))
  public var peer: [String] = []

  @Option(
    help: ArgumentHelp(
      "The most that the service holds for its callers' requests and answers, in MiB, 16 to "
        + "65536 (TACIT_MEMORY_MAX_MIB; 1024).",
      valueName: "MiB"))
  public var memoryMaxMib: String?

  @Option(
    help: ArgumentHelp(
      "The key of a witness whose cosignatures of the audit log are taken; may be given several "
        + "times (TACIT_LOG_WITNESSES, with commas between them).",
      valueName: "vkey"))
  public var logWitness: [String] = []

  public init() {}

  /// The witnesses of the audit log.
  public func logWitnesses() throws -> [NoteKey] {
    let texts =
      logWitness.isEmpty
      ? Environment.setting(nil, variable: "TACIT_LOG_WITNESSES", default: "").split(separator: ",")
        .map(String.init) : logWitness
    return try texts.map { text in
      guard let key = try? NoteKey(text: text), key.kind == .cosignature else {
        throw ValidationError("--log-witness takes the key that `tacit witness key` prints")
      }
      return key
    }
  }

  /// The address to listen on.
  public func endpoint(of service: WellKnownService) throws -> Endpoint {
    try Reading.endpoint(
      Environment.setting(
        listen, variable: "TACIT_LISTEN", default: service.defaultEndpointText),
      of: listen == nil ? "TACIT_LISTEN" : "--listen")
  }

  /// The directory of the store.
  public func storeDirectory(of service: WellKnownService) -> URL {
    URL(
      filePath: Environment.setting(
        store, variable: "TACIT_STORE", default: "var/stack/\(service.rawValue)-store"))
  }

  /// The key management service that holds the root key. A remote one is not called yet.
  public func keyManagementService(
    of service: WellKnownService
  ) throws -> any KeyManagementService {
    try Reading.keyManagementService(
      Environment.setting(
        kms, variable: "TACIT_KMS",
        default: "file:var/stack/trust/kms/\(service.rawValue).json"))
  }

  /// Where another service is: one server, or several that stand for each other.
  public func peerEndpoints(_ service: WellKnownService) throws -> [Endpoint] {
    for entry in peer {
      let parts = entry.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, WellKnownService(rawValue: String(parts[0])) != nil else {
        throw ValidationError("--peer takes name=host:port with a service's name, not \"\(entry)\"")
      }
      if parts[0] == service.rawValue { return try Reading.endpoints(parts[1], of: "--peer") }
    }
    return try Reading.endpoints(
      Environment.setting(
        nil, variable: service.endpointVariable, default: service.defaultEndpointText),
      of: service.endpointVariable)
  }

  /// What the server may hold for its callers, in bytes.
  public func memoryByteCountMax() throws -> Int {
    let text = Environment.setting(
      memoryMaxMib, variable: "TACIT_MEMORY_MAX_MIB", default: "1024")
    guard let mebibytes = Int(text), (16...65_536).contains(mebibytes) else {
      throw ValidationError("--memory-max-mib takes 16 to 65536, not \"\(text)\"")
    }
    return mebibytes << 20
  }

  /// The log level.
  public func level() throws -> Logger.Level {
    let text = Environment.setting(logLevel, variable: "TACIT_LOG_LEVEL", default: "info")
    guard let level = Logger.Level(rawValue: text) else {
      throw ValidationError(
        "--log-level takes trace, debug, info, notice, warning or error, not \"\(text)\"")
    }
    return level
  }
}
