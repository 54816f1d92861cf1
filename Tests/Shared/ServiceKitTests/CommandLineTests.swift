internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import Testing
internal import Transport
internal import WireFormat

@Suite("What commands share")
struct CommandLineTests {
  @Test("a long line of usage is broken between options, never between an option and its value")
  func usage() {
    let usage =
      "USAGE: tacit-consent grant [<options>] --pid <pid> --scope <scope> ... --source <source> "
      + "--notice-version <notice-version> [--to <to>]"
    #expect(
      wrappedUsage("One line.\n\n\(usage)\n") == """
        One line.

        USAGE: tacit-consent grant [<options>] --pid <pid> --scope <scope> ...
          --source <source> --notice-version <notice-version> [--to <to>]

        """)
    #expect(wrappedUsage("USAGE: tacit up [--file <file>]") == "USAGE: tacit up [--file <file>]")
  }

  @Test(
    "what was given for a pid, or looks like an identifier, is not repeated",
    arguments: [["--pid", "ann"], ["--pid=ann"], ["--days", "ann@example.com"]])
  func redaction(arguments: [String]) {
    let value = arguments.last?.split(separator: "=").last ?? ""
    #expect(
      withoutIdentifiers("the value '\(value)' is no number", arguments: ["check"] + arguments)
        == "the value '<redacted>' is no number")
    #expect(
      withoutIdentifiers("the value 'ann' is no number", arguments: ["check", "--days", "ann"])
        == "the value 'ann' is no number")
  }

  @Test("a table aligns texts to the left and numbers to the right")
  func table() {
    var table = Table("name", "rows")
    table.add("events", "12")
    table.add("x", "3,456")
    #expect(table.text == "name     rows\nevents     12\nx       3,456")
  }

  @Test("a flag goes before the variable, the variable before the default")
  func settings() {
    #expect(Environment.setting("a", variable: "TACIT_TEST_UNSET", default: "b") == "a")
    #expect(Environment.setting(nil, variable: "TACIT_TEST_UNSET", default: "b") == "b")
    #expect(Environment.setting(nil, variable: "PATH", default: "") != "")
  }

  @Test("an error's sentence is what people see")
  func sentences() {
    #expect(text(of: RPCError(.notFound, "there is no such receipt")) == "there is no such receipt")
    #expect(text(of: CommandFailure("stop")) == "stop")
  }

  @Test(
    "a peer may do what its role needs, and nothing else",
    arguments: [
      ("spiffe://tacit/service/features", "consent.gate", true),
      ("spiffe://tacit/service/features", "consent.write", false),
      ("spiffe://tacit/service/unknown", "consent.gate", false),
      ("spiffe://tacit/user/privacy/anna", "consent.erase", true),
      ("spiffe://tacit/user/marketing/ben", "consent.erase", false),
      ("spiffe://tacit/user/stranger/eve", "consent.read", false),
      ("spiffe://tacit/user/stranger/eve", "health.read", true),
      ("spiffe://tacit/user/stranger/eve", "reflection.read", true),
      ("spiffe://tacit/user/stranger/eve", "audit.read", true),
      ("spiffe://tacit/user/stranger/eve", "audit.cosign", false),
      ("spiffe://tacit/user/witness/w1", "audit.cosign", true),
      ("spiffe://tacit/user/witness/w1", "consent.read", false),
      ("spiffe://tacit/user/admin/dev", "vault.forget", true),
      ("spiffe://tacit/user/admin/dev", "reidentification.freeze", true),
      ("spiffe://tacit/user/admin/dev", "reidentification.request", false),
      ("spiffe://tacit/user/admin/dev", "reidentification.approve", false),
      ("spiffe://tacit/user/admin/dev", "reidentification.redeem", false),
      ("spiffe://tacit/user/admin/dev", "reidentification.unfreeze", false),
      ("spiffe://tacit/user/legal/ann", "reidentification.request", true),
      ("spiffe://tacit/user/legal/ann", "reidentification.redeem", true),
      ("spiffe://tacit/user/legal/ann", "reidentification.approve", false),
      ("spiffe://tacit/user/privacy/ben", "reidentification.approve", true),
      ("spiffe://tacit/user/privacy/ben", "reidentification.redeem", false),
      ("spiffe://tacit/user/security/dan", "reidentification.freeze", true),
      ("spiffe://tacit/user/security/dan", "reidentification.approve", false),
      ("spiffe://tacit/service/pipeline", "reidentification.redeem", false),
      ("spiffe://tacit/user/privacy/ben", "vault.access", true),
      ("spiffe://tacit/user/privacy/ben", "features.access", true),
      ("spiffe://tacit/user/admin/dev", "vault.access", false),
      ("spiffe://tacit/user/admin/dev", "vectors.access", false),
      ("spiffe://tacit/user/legal/ann", "consent.access", false),
      ("spiffe://tacit/service/vault", "features.access", false),
      ("spiffe://tacit/service/pipeline", "trainer.access", false),
    ])
  func access(identity: String, scope: String, isPermitted: Bool) throws {
    let method = MethodDescriptor(
      id: 1, name: "tacit.test.v1.Test/Try", kind: .unary, scope: scope, isInline: false,
      isIdempotent: false)
    #expect(AccessPolicy().permits(try PeerIdentity(spiffeID: identity), method) == isPermitted)
  }
}
