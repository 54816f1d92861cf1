internal import Cryptography
internal import Foundation
internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import VaultAPI

/// Makes the pids of a file's identifiers as a partner does: canonical and blinded here, evaluated
/// by the vault, verified and unblinded here. Batch by batch, in bounded memory.
struct ObliviousFile {
  let vault: VaultClient
  let options: CallOptions
  let domain: String
  /// Keys that the vault is known for; any where there are none.
  let knownKeys: [ObliviousPublicKey]
  var lines: IdentifierLines
  let isJSON: Bool
  let rejects: RejectList

  private var keys: [IdentifierKind: DomainKey] = [:]
  private var lastLine = 0
  private var pidCount = 0
  private var refusedCount = 0

  init(
    vault: VaultClient, options: CallOptions, domain: String, knownKeys: [ObliviousPublicKey],
    lines: IdentifierLines, isJSON: Bool, rejects: RejectList
  ) {
    self.vault = vault
    self.options = options
    self.domain = domain
    self.knownKeys = knownKeys
    self.lines = lines
    self.isJSON = isJSON
    self.rejects = rejects
  }

  /// What the vault tells of the key for one kind of identifiers.
  private struct DomainKey {
    let publicKey: ObliviousPublicKey
    let version: UInt32
    let profile: CanonicalProfile
  }

  private struct Row: Encodable {
    let line: Int
    var pid: String?
    var refusal: String?
  }

  /// Does the whole file, says on standard error how it ended, and answers how many lines were
  /// refused.
  mutating func run() async throws -> Int {
    do {
      while let batch = try lines.next(countMax: IdentityVaultService.blindedElementsMax) {
        try write(try await rows(of: batch))
        lastLine = batch.last?.number ?? lastLine
      }
    } catch {
      let extent = lastLine == 0 ? "no line was done" : "lines up to \(lastLine) were done"
      throw CommandFailure("\(text(of: error)); \(extent)")
    }
    standardError("\(pidCount) pids, \(refusedCount) lines refused")
    return refusedCount
  }

  // MARK: - Batches

  private mutating func rows(of batch: [IdentifierLines.Entry]) async throws -> [Row] {
    var rows = batch.map { Row(line: $0.number) }
    var inputs: [IdentifierKind: [(row: Int, bytes: [UInt8])]] = [:]
    for (index, entry) in batch.enumerated() {
      switch entry.content {
      case .failure(let failure): rows[index].refusal = failure.description
      case .success(let identifier):
        let key = try await key(of: identifier.kind)
        do throws(IdentifierRefusal) {
          let canonical = try CanonicalIdentifier(identifier, emailProfile: key.profile)
          inputs[identifier.kind, default: []].append((index, canonical.authenticatedBytes))
        } catch {
          rows[index].refusal = error.description
        }
      }
    }
    for (kind, inputs) in inputs.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      let pids = try await pids(of: inputs.map(\.bytes), kind)
      for (input, pid) in zip(inputs, pids) { rows[input.row].pid = pid.description }
    }
    return rows
  }

  private mutating func pids(
    of inputs: [[UInt8]], _ kind: IdentifierKind
  ) async throws -> [PseudonymousID] {
    let key = try await key(of: kind)
    let batch = try ObliviousBatch(inputs, random: SystemRandom())
    let reply = try await vault.blindEvaluate(
      BlindEvaluateRequest(
        domain: domain, kind: kind, blinded: batch.blinded.map(\.bytes), keyVersion: key.version),
      options: options)
    do {
      let evaluated = try reply.evaluated.map { try ObliviousElement(bytes: $0) }
      let outputs = try batch.finalize(evaluated, proof: reply.proof, publicKey: key.publicKey)
      return outputs.compactMap { PseudonymousID(bytes: $0) }
    } catch {
      throw CommandFailure("the vault's proof does not hold: nothing of its answer was used")
    }
  }

  private mutating func key(of kind: IdentifierKind) async throws -> DomainKey {
    if let key = keys[kind] { return key }
    let reply = try await vault.obliviousKey(
      ObliviousKeyRequest(domain: domain, kind: kind), options: options)
    guard let publicKey = try? ObliviousPublicKey(bytes: reply.publicKey) else {
      throw CommandFailure("the vault shows a public key that is none")
    }
    guard knownKeys.isEmpty || knownKeys.contains(publicKey) else {
      throw CommandFailure("the vault shows another public key for \(kind.name) than was given")
    }
    guard let profile = CanonicalProfile(rawValue: reply.profile), profile.fits(kind) else {
      throw CommandFailure("the vault makes \(kind.name) canonical in a way unknown here")
    }
    let key = DomainKey(publicKey: publicKey, version: reply.keyVersion, profile: profile)
    keys[kind] = key
    return key
  }

  // MARK: - Output

  private mutating func write(_ rows: [Row]) throws {
    var text = !isJSON && pidCount + refusedCount == 0 ? "line\tpid\n" : ""
    var refused: [(line: Int, reason: String)] = []
    for row in rows {
      if isJSON {
        text += try jsonLine(row) + "\n"
      } else if let pid = row.pid {
        text += "\(row.line)\t\(pid)\n"
      }
      if row.pid == nil { refused.append((row.line, row.refusal ?? "")) }
    }
    if !isJSON { try rejects.add(refused) }
    try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    pidCount += rows.count - refused.count
    refusedCount += refused.count
  }
}

extension CanonicalProfile {
  /// Whether this profile is one of identifiers of this kind.
  fileprivate func fits(_ kind: IdentifierKind) -> Bool {
    switch self {
    case .emailV1, .emailSeed, .emailUID2: kind == .email
    case .phoneE164V1: kind == .phone
    case .customerNumberV1: kind == .customerNumber
    }
  }
}
