public import ArgumentParser
internal import Foundation
public import KeyManagement
internal import KeyManagementProviders
public import PrivacyCore
public import Transport

/// How commands read what a person writes, on the command line or in a file.
public enum Reading {
  /// A pid: its 43 characters, with or without `hmac:sha256:`.
  public static func pid(_ text: String) throws -> PseudonymousID {
    guard let pid = PseudonymousID(text: text) else {
      throw ValidationError("a pid is 43 characters of base64url, with or without hmac:sha256:")
    }
    return pid
  }

  /// An address, `host:port`; `name` is the flag or the variable that says it.
  public static func endpoint(_ text: some StringProtocol, of name: String) throws -> Endpoint {
    do throws(TransportError) {
      return try Endpoint(text)
    } catch {
      throw ValidationError("\(name): \(error)")
    }
  }

  /// Addresses of servers that stand for each other: `host:port`, or several with commas between.
  public static func endpoints(
    _ text: some StringProtocol, of name: String
  ) throws -> [Endpoint] {
    try text.split(separator: ",", omittingEmptySubsequences: false)
      .map { try endpoint($0, of: name) }
  }

  /// A key management service by its setting, with credentials of this process's environment.
  public static func keyManagementService(_ text: String) throws -> any KeyManagementService {
    try KeyManagementProviders.open(
      KeyManagementSetting(text),
      environment: ProviderEnvironment(variables: ProcessInfo.processInfo.environment))
  }

  /// A time: `2026-01-10T12:34:56Z`, or a day, which begins at midnight UTC.
  public static func time(_ text: String) throws -> Timestamp {
    guard let time = Timestamp(rfc3339: text) else {
      throw ValidationError("a time is written 2026-01-10T12:34:56Z, or 2026-01-10")
    }
    return time
  }
}

/// Whom a command is about.
public struct PersonOption: ParsableArguments, Sendable {
  // One pid in 64 begins with a dash.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The person: 43 characters, with or without hmac:sha256:.", valueName: "pid"),
    transform: Reading.pid)
  public var pid: PseudonymousID

  public init() {}
}
