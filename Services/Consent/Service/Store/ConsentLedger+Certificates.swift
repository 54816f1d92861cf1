internal import AuditLog
package import ConsentAPI
internal import ConsentVerifier
internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import TransparencyLog

extension ConsentLedger {
  /// Notes what stores said of erasures, and certifies those of which all have spoken. A store speaks
  /// once of an erasure; what is not a statement of it is left out.
  ///
  /// - Parameter stores: the stores that must speak, without the vault.
  /// - Returns: the tasks as they stand now.
  @discardableResult
  package func note(
    _ answers: [ErasureDesk.Answer], stores: [String]
  ) async throws -> [(sequence: UInt64, task: ErasureTask)] {
    let known = answers.compactMap { answer -> ErasureDesk.Answer? in
      Self.statement(answer.note, of: answer.service)?.sequence == answer.sequence ? answer : nil
    }
    return try await store.write { transaction in
      var tasks: [(sequence: UInt64, task: ErasureTask)] = []
      for (sequence, answers) in Dictionary(grouping: known, by: \.sequence) {
        guard var task = try transaction.get(ConsentTables.erasures, sequence)?.message else {
          continue
        }
        for answer in answers { task.add(answer.note, of: answer.service) }
        try certify(&task, sequence, stores: stores, in: &transaction)
        try transaction.put(ConsentTables.erasures, sequence, StoredMessage(task))
        tasks.append((sequence, task))
      }
      return tasks
    }.value
  }

  /// The erasures that have no certificate yet.
  func uncertifiedErasures() throws -> [(sequence: UInt64, task: ErasureTask)] {
    try store.read { snapshot in
      var open: [(sequence: UInt64, task: ErasureTask)] = []
      try snapshot.scan(ConsentTables.erasures) { sequence, stored in
        if stored.message.certificate.isEmpty { open.append((sequence, stored.message)) }
        return .next
      }
      return open
    }
  }

  /// The erasure of a person; `nil` where there was none.
  func erasure(of pid: PseudonymousID) throws -> (sequence: UInt64, task: ErasureTask)? {
    try store.read { snapshot in
      let pid = try names.current(pid, in: snapshot)
      guard let state = try Self.state(of: pid, in: snapshot), state.isErased else { return nil }
      let sequence = state.erasureSequence
      return try snapshot.get(ConsentTables.erasures, sequence).map { (sequence, $0.message) }
    }
  }

  /// Evidence that an erasure was recorded, under the pid that its certificate names: as of now, and
  /// where the person was renamed since as of then.
  func evidence(ofErasure task: ErasureTask, at sequence: UInt64) async throws -> ConsentEvidence {
    guard let pid = PseudonymousID(bytes: task.pid) else {
      throw StoreError.corrupted("the pid of erasure \(sequence)")
    }
    let scope = register.current.rules.knownScopes.first ?? ""
    guard let renamed = PseudonymousID(bytes: task.renamedPid) else {
      return try await evidence(of: pid, for: scope, at: nil)
    }
    let receipt = try store.read { try Self.receipt(at: sequence, in: $0) }
    return try await evidence(
      of: renamed, named: pid, for: scope, at: Timestamp(microseconds: receipt.recordedAtUs))
  }

  /// The stores whose statement an erasure lacks.
  static func missing(from task: ErasureTask, stores: [String]) -> Set<String> {
    Set(stores + [vaultName]).subtracting(task.statements.map(\.service))
  }

  static let vaultName = "vault"

  /// Certifies an erasure, once, where all stores have said that nothing is left.
  func certify(
    _ task: inout ErasureTask, _ sequence: UInt64, stores: [String],
    in transaction: inout WriteTransaction
  ) throws {
    guard task.certificate.isEmpty, task.isDone,
      Self.missing(from: task, stores: stores).isEmpty,
      let pid = PseudonymousID(bytes: task.pid), let origin = try? audit.verifyingKey().name
    else { return }
    // Under its newest pid, which also means the person when the rotation is over.
    let person = PseudonymousID(bytes: task.renamedPid) ?? pid
    let receipt = try Self.receipt(at: sequence, in: transaction)
    let statements = task.statements.sorted { $0.service < $1.service }
    let models = try statements.flatMap { Self.models(in: $0) }
      .filter { try mayHaveLearned($0, from: person, in: transaction) }
    let receiptCount = try Self.state(of: person, in: transaction)?.receiptCount ?? 0
    let certificate = ErasureCertificate(
      origin: origin, pid: pid, sequence: sequence, ground: task.ground,
      recordedAtUs: receipt.recordedAtUs, inForceAtUs: task.inForceAtUs,
      atUs: time.now.microseconds,
      statements: try statements.map {
        ErasureCertificate.Statement(service: $0.service, hash: try Digest.sha256($0.note))
      },
      models: models,
      kept: [
        // Proof of what was allowed, and of this erasure (GDPR article 17(3)(e)).
        ErasureCertificate.Kept(
          what: "receipts", count: receiptCount, ground: "gdpr-17-3-e"),
        // So that a late write does not bring the person back: one pid in each store.
        ErasureCertificate.Kept(
          what: "tombstones", count: UInt64(statements.count), ground: "gdpr-17-1"),
      ])
    task.certificate = try audit.signStatement(certificate.text).encoded
    let entry = AuditEntry(
      principal: "consent", action: "consent.certify_erasure", pids: [pid],
      details: [
        ("sequence", "\(sequence)"),
        ("sha256", Hexadecimal.encode(try Digest.sha256(task.certificate))),
      ])
    try audit.append(entry, in: &transaction)
  }

  /// Whether the person allowed a model's scope when its data was read: while it was made, or within
  /// the hour before.
  private func mayHaveLearned(
    _ model: ModelMention, from pid: PseudonymousID,
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> Bool {
    for earlier in [0, Self.trainingMicrosecondsMax] {
      let at = Timestamp(microseconds: model.madeAtUs - earlier)
      let state = try Self.standing(of: pid, at: at, in: reader).state
      if state.decision(for: model.scope, at: at).reason == .granted { return true }
    }
    return false
  }

  private static let trainingMicrosecondsMax: Int64 = 3_600_000_000

  /// The models that a store names.
  private static func models(in stored: StoreStatement) -> [ModelMention] {
    // Of four stores one has models, and the statements of the others need not be read again.
    let namesModels = stored.note.indices.contains { index in
      stored.note[index] == modelsLine[0] && stored.note[index...].starts(with: modelsLine)
    }
    return namesModels ? statement(stored.note, of: stored.service)?.models ?? [] : []
  }

  /// How the line begins that says how many models there are.
  private static let modelsLine = Array("\nmodels ".utf8)

  /// Reads a store's statement; `nil` where it is none of that store, or says that something is left.
  private static func statement(_ note: [UInt8], of service: String) -> ErasureStatement? {
    guard let signed = try? SignedNote(encoded: note),
      let statement = ErasureStatement(text: signed.text), statement.service == service,
      statement.left == 0
    else { return nil }
    return statement
  }
}

extension ErasureTask {
  /// Adds a store's statement. The first one stands.
  mutating func add(_ note: [UInt8], of service: String) {
    guard !note.isEmpty, !statements.contains(where: { $0.service == service }) else { return }
    statements.append(StoreStatement(service: service, note: note))
  }
}
