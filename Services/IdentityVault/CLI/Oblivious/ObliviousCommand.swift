internal import ArgumentParser
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// `oblivious`: pids for a partner, without showing the vault whose.
struct ObliviousCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "oblivious",
    abstract: "Make pids as a partner: the vault does not see the identifiers.",
    discussion: """
      These commands run on the partner's machine. Identifiers are made canonical and blinded \
      there, the vault evaluates them under a key that never leaves it, and a proof shows that \
      it took the key it is known for (RFC 9497, VOPRF with P-256 and SHA-256). The vault learns \
      how many identifiers of which kind were asked for, and nothing of them.

      The pids are those of one domain, which has the partner's name and is one of the service's \
      --oblivious-domains.

      Examples:
        tacit-vault oblivious key --as partner-acme --kind email
        tacit-vault oblivious pseudonymize list.txt --as partner-acme \\
            --public-key KEY > pids.tsv
      """,
    subcommands: [ObliviousKeyCommand.self, ObliviousPseudonymizeCommand.self])
}

/// `oblivious key`: the public keys of the partner's domain.
struct ObliviousKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "Show the public key that answers are proven with.",
    discussion: """
      Get it once by a way that the vault cannot change for you alone, from a contract or a web \
      page, and give it to `pseudonymize` as --public-key: a vault that shows each partner another \
      key, or one person's blinded identifier another one, is then found out.

      Example:
        tacit-vault oblivious key --as partner-acme --kind email
      """)

  @Option(help: "email, phone or customer-number; each has a key of its own.") var kind = "email"
  @Option(help: "The domain; the one with the caller's name.") var domain = ""
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let domain: String
    let kind: String
    let profile: String
    let keyVersion: UInt32
    let publicKey: String

    enum CodingKeys: String, CodingKey {
      case domain, kind, profile
      case keyVersion = "key_version"
      case publicKey = "public_key"
    }
  }

  func validate() throws {
    guard IdentifierKind(name: kind) != nil else {
      throw ValidationError("--kind takes email, phone or customer-number")
    }
  }

  func run() async throws {
    let request = ObliviousKeyRequest(
      domain: domain, kind: IdentifierKind(name: kind) ?? .unspecified)
    let reply = try await client.with(.vault) {
      try await VaultClient($0).obliviousKey(request, options: client.callOptions)
    }
    let answer = Answer(
      domain: reply.domain, kind: kind, profile: reply.profile, keyVersion: reply.keyVersion,
      publicKey: Hexadecimal.encode(reply.publicKey))
    if client.json { return try printJSON(answer) }
    print("domain \(answer.domain), \(answer.profile), key version \(answer.keyVersion)")
    print(answer.publicKey)
  }
}
