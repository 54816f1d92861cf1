internal import ArgumentParser
internal import AuditAPI
internal import Cryptography
internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import ServiceKit
internal import TransparencyLog

/// `tacit witness`: a small witness.
struct WitnessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "witness",
    abstract: "Watch that logs only grow, and vouch for it.",
    discussion: """
      A witness keeps, for each log, the newest tree that it saw. It cosigns a checkpoint only when \
      the log has proven that the tree it saw is the beginning of the new one. Run it where the \
      operator of the log has no access, and let verifiers ask for its cosignature in their policy: \
      then the log cannot show different histories to different people.

      Example: tacit witness key --file witness.key --name witness.example/w1
      """,
    subcommands: [WitnessKeyCommand.self, WitnessWatch.self, WitnessAddCheckpoint.self])
}

/// The witness' key, memory and logs.
struct WitnessOptions: ParsableArguments {
  @Option(help: "The file with the witness' key, made by `tacit witness key`.") var key: String
  @Option(help: "The file in which the witness remembers what it saw.") var state: String
  @Option(
    name: .customLong("log-key"),
    help: ArgumentHelp(
      "The key of a log to watch, as `tacit log show` prints it; may be given several times.",
      valueName: "vkey"))
  var logKeys: [String]

  func signer() throws -> NoteSigner {
    let bytes = try LogDirectory.bytes(of: URL(filePath: key), limit: 1_024)
    guard let text = String(validating: bytes, as: UTF8.self),
      let signer = try? NoteSigner(secretText: text.trimmingCharacters(in: .newlines)),
      signer.key.kind == .cosignature
    else { throw CommandFailure("\(key) holds no witness' key") }
    return signer
  }

  func logs() throws -> [NoteKey] {
    try logKeys.map { text in
      do {
        return try NoteKey(text: text)
      } catch {
        throw ValidationError("--log-key: \(error)")
      }
    }
  }

  var memory: WitnessFile { WitnessFile(URL(filePath: state)) }
}

/// `tacit witness key`: makes the key, or shows the public half.
struct WitnessKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "Make the witness' key where there is none; print its public half.",
    discussion: """
      The printed line belongs into the policy of verifiers, and into TACIT_LOG_WITNESSES of the \
      services that shall take the cosignatures.

      Example: tacit witness key --file witness.key --name witness.example/w1
      """)

  @Option(help: "The file; only its owner may read it.") var file: String
  @Option(help: "The witness' name, for a new key: an address without its scheme.")
  var name: String?

  func run() async throws {
    let url = URL(filePath: file)
    if !FileManager.default.fileExists(atPath: url.path) {
      guard let name else { throw ValidationError("a new key needs a --name") }
      let seed = SecretBytes(random: SystemRandom(), count: SigningKey.seedByteCount)
      let text = try NoteSigner.secretText(name: name, kind: .cosignature, seed: seed)
      guard
        FileManager.default.createFile(
          atPath: url.path, contents: Data((text + "\n").utf8),
          attributes: [.posixPermissions: 0o600])
      else { throw CommandFailure("\(file) cannot be written") }
    }
    let bytes = try LogDirectory.bytes(of: url, limit: 1_024)
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .newlines)
    guard let signer = try? NoteSigner(secretText: text), signer.key.kind == .cosignature else {
      throw CommandFailure("\(file) holds no witness' key")
    }
    print(try signer.key.text())
  }
}

/// `tacit witness watch`: visits a service again and again.
struct WitnessWatch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Cosign a service's checkpoints, as long as its log only grows.",
    discussion: """
      Ends with exit 1 as soon as the log shows a fork or a rollback, and says which: keep the \
      message and the checkpoint, they are the evidence.

      Example:
        tacit witness watch consent --key witness.key --state witness.json \\
            --log-key "$LOG_KEY" --once
      """)

  @Argument(help: "The service: consent, vault, features, trainer or vectors.")
  var service: WellKnownService
  @OptionGroup var witness: WitnessOptions
  @OptionGroup var client: ClientOptions
  @Flag(help: "One visit.") var once = false
  @Option(help: "How often to visit, in milliseconds.") var everyMs = 1_000

  func validate() throws {
    guard (10...86_400_000).contains(everyMs) else {
      throw ValidationError("--every-ms takes 10 to 86400000")
    }
  }

  func run() async throws {
    let signer = try witness.signer()
    let logs = try witness.logs()
    try await client.with(service) { connection in
      let round = WitnessRound(
        AuditClient(connection), memory: witness.memory, signer: signer, logs: logs,
        options: client.callOptions)
      var lastSize: UInt64?
      while true {
        do {
          let checkpoint = try await round.run(at: SystemTime().now)
          if checkpoint.treeSize != lastSize {
            print("cosigned \(checkpoint.origin) at \(checkpoint.treeSize) entries")
          }
          lastSize = checkpoint.treeSize
        } catch {
          // A service that is away for a while is no breach.
          if once || error is TransparencyLogError { throw error }
          standardError("tacit witness: \(text(of: error))")
        }
        if once { return }
        try await Task.sleep(for: .milliseconds(everyMs))
      }
    }
  }
}

/// `tacit witness add-checkpoint`: one decision, without a network.
struct WitnessAddCheckpoint: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add-checkpoint",
    abstract: "Decide on one request of C2SP tlog-witness and print the cosignature.",
    discussion: """
      The request has the form of that specification's add-checkpoint: the old size, the hashes of \
      a consistency proof, an empty line, the checkpoint.

      Example:
        tacit witness add-checkpoint request.txt --key witness.key \\
            --state witness.json --log-key "$LOG_KEY"
      """)

  @Argument(help: "The file with the request.") var request: String
  @OptionGroup var witness: WitnessOptions

  func run() async throws {
    let bytes = try LogDirectory.bytes(
      of: URL(filePath: request), limit: SignedNote.byteCountMax)
    let signature = try witness.memory.cosign(
      AddCheckpointRequest(encoded: bytes), logs: witness.logs(), signer: witness.signer(),
      at: SystemTime().now)
    print(signature.line)
  }
}
