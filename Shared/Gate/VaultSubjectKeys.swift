package import Cryptography
package import PrivacyCore
internal import RPC
internal import SealedStore
internal import Synchronization
package import VaultAPI

/// The keys of people from the vault, kept in memory and never on disk: a bounded number, of which
/// those go first that were not asked for. At full size they take up to 62 bytes a person.
///
/// A key is made ready for use when it is asked for, which costs contexts of OpenSSL; the newest
/// few are kept ready.
package final class VaultSubjectKeys: SubjectKeySource {
  private struct State: ~Copyable {
    var table: SubjectKeyTable
    /// Keys that are ready, in two generations.
    var recent: [PseudonymousID: SealingKey] = [:]
    var older: [PseudonymousID: SealingKey] = [:]
    /// Counted up with each person forgotten: an answer of the vault from before is not kept.
    var forgetCount: UInt64 = 0

    init(countMax: Int) { table = SubjectKeyTable(countMax: countMax) }
  }

  private let vault: VaultClient
  private let state: Mutex<State>

  /// The most pids that the vault takes in one call.
  private static let requestCountMax = 4_096
  /// The most ready keys of one generation.
  private static let readyCountMax = 256

  /// Keys of `vault`, at most `countMax` of them in memory.
  package init(vault: VaultClient, countMax: Int) {
    self.vault = vault
    state = Mutex(State(countMax: countMax))
  }

  /// The bytes that the table of keys takes, without the few that are ready.
  package var byteCount: Int { state.withLock { $0.table.byteCount } }

  /// How many keys are kept.
  package var count: Int { state.withLock { $0.table.count } }

  package func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey] {
    var missing: [PseudonymousID] = []
    var found: [PseudonymousID: SealingKey] = [:]
    let forgetCount = try state.withLock { state in
      for pid in pids {
        if let key = try Self.key(of: pid, in: &state) {
          found[pid] = key
        } else {
          missing.append(pid)
        }
      }
      return state.forgetCount
    }
    for start in stride(from: 0, to: missing.count, by: Self.requestCountMax) {
      let page = Array(missing[start..<min(missing.count, start + Self.requestCountMax)])
      let fetched = try await fetch(page)
      try state.withLock { state in
        let isCurrent = state.forgetCount == forgetCount
        for (pid, bytes) in fetched {
          let key = try SealingKey(id: .subject, secret: SecretBytes(copying: bytes))
          found[pid] = key
          guard isCurrent else { continue }
          state.table.insert(bytes, of: pid)
          Self.keep(key, of: pid, in: &state)
        }
      }
    }
    return found
  }

  package func forget(_ pid: PseudonymousID) {
    state.withLock { state in
      state.table.remove(pid)
      state.recent[pid] = nil
      state.older[pid] = nil
      state.forgetCount += 1
    }
  }

  private func fetch(
    _ pids: [PseudonymousID]
  ) async throws -> [(PseudonymousID, [UInt8])] {
    let reply = try await vault.subjectKeys(SubjectKeysRequest(pids: pids.map(\.bytes)))
    guard reply.keys.count == pids.count else {
      throw RPCError(.internalError, "the vault answered for other people than asked")
    }
    var keys: [(PseudonymousID, [UInt8])] = []
    for (pid, key) in zip(pids, reply.keys) where !key.forgotten && !key.key.isEmpty {
      guard key.key.count == SealingKey.keyByteCount else {
        throw RPCError(.internalError, "the vault answered a key of another length")
      }
      keys.append((pid, key.key))
    }
    return keys
  }

  private static func key(
    of pid: PseudonymousID, in state: inout State
  ) throws(CryptographyError) -> SealingKey? {
    if let key = state.recent[pid] { return key }
    if let key = state.older[pid] {
      keep(key, of: pid, in: &state)
      return key
    }
    guard let secret = state.table.key(of: pid) else { return nil }
    let key = try SealingKey(id: .subject, secret: secret)
    keep(key, of: pid, in: &state)
    return key
  }

  private static func keep(_ key: SealingKey, of pid: PseudonymousID, in state: inout State) {
    state.recent[pid] = key
    guard state.recent.count > readyCountMax else { return }
    state.older = state.recent
    state.recent = [:]
  }
}
