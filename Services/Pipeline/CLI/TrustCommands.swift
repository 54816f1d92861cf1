internal import ArgumentParser
internal import Foundation
internal import Pipeline
internal import ServiceKit

struct Init: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make the certificates and root keys that a stack needs; keep what is there.",
    discussion: """
      Writes identity/ (a development authority, one certificate for each service and for the \
      roles \(TrustDirectory.roles.joined(separator: ", "))) and kms/ (a root key for each \
      service). Keys can only be read by their owner.

      For the local stack only: in production the certificates come from your own authority and \
      the root keys stay in a KMS.

      Example: tacit init --directory var/stack/trust
      """)

  @Option(help: "The directory to make them in.") var directory = "var/stack/trust"

  func run() throws {
    try TrustDirectory(URL(filePath: directory)).create()
    print("certificates and root keys are in \(directory)")
  }
}

struct DevCerts: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev-certs",
    abstract: "Make a local certificate authority and a certificate for each identity.",
    discussion: """
      Each certificate carries a SPIFFE id: spiffe://tacit/service/<name> or \
      spiffe://tacit/user/<role>/<name>. They are valid for 30 days and for development only.

      Examples:
        tacit dev-certs
        tacit dev-certs --user legal/anna --user analyst/ben
      """)

  @Option(help: "The directory to make them in.") var directory = "var/stack/trust/identity"
  @Option(help: "A further person, as role/name; may be given several times.")
  var user: [String] = []

  func run() throws {
    let names = try TrustDirectory.createCertificates(
      in: URL(filePath: directory), users: user)
    for name in names { print("\(directory)/\(name).pem") }
    if names.isEmpty { print("nothing to make: \(directory) has them all") }
  }
}
