internal import ArgumentParser
internal import Pipeline
internal import ServiceKit

struct KMSCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kms",
    abstract: "Make a root key, or see whether a key management service does its work.",
    discussion: """
      The same settings as --kms of the services; docs/KEY_MANAGEMENT.md has them all.

      Example: tacit kms check file:var/stack/trust/kms/vault.json
      """,
    subcommands: [Check.self, CreateKey.self])

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Wrap and unwrap an invented key; exit 1 with the reason if that fails.",
      discussion: """
        Run it with the rights and variables of the service before that is started with the setting.

        Example: tacit kms check file:var/stack/trust/kms/vault.json
        """)

    @Argument(help: ArgumentHelp("The KMS.", valueName: "provider:place")) var kms: String

    func run() async throws {
      let milliseconds = try await KeyManagementCheck.run(
        try Reading.keyManagementService(kms))
      print("wrapped and unwrapped a key in \(milliseconds) ms")
    }
  }

  struct CreateKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create-key",
      abstract: "Make a root key in a file or in a PKCS #11 token; one that is there stays.",
      discussion: """
        Root keys of the other providers are made with the vendor's own tools.

        Examples:
          tacit kms create-key 'file:/keys/vault.json?passphrase-file=/run/phrase'
          tacit kms create-key \\
              'pkcs11:/usr/lib/libhsm.so?token=tacit&key=root&pin-file=/run/pin'
        """)

    @Argument(help: ArgumentHelp("The KMS.", valueName: "provider:place")) var kms: String

    func run() async throws {
      try await KeyManagementCheck.createRootKey(kms)
      print("the root key is made")
    }
  }
}
