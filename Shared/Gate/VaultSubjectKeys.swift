package import Cryptography
package import PrivacyCore
internal import RPC
internal import SealedStore
internal import Synchronization
package import VaultAPI

/// The keys of people from the vault, kept in memory and never on disk: a bounded number, the
/// least used of which go first.
package final class VaultSubjectKeys: SubjectKeySource {
  private struct State {
    var recent: [PseudonymousID: SealingKey] = [:]
    var older: [PseudonymousID: SealingKey] = [:]
    /// Counted up with each person forgotten: an answer of the vault from before is not kept.
    var forgetCount: UInt64 = 0
  }

  private let vault: VaultClient
  private let generationCountMax: Int
  private let state = Mutex(State())

  /// The most pids that the vault takes in one call.
  private static let requestCountMax = 4_096

  /// Keys of `vault`, at most about `countMax` of them in memory.
  package init(vault: VaultClient, countMax: Int) {
    self.vault = vault
    generationCountMax = max(1, countMax / 2)
  }

  package func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey] {
    let (cached, missing, forgetCount) = state.withLock { state in
      var found: [PseudonymousID: SealingKey] = [:]
      var missing: [PseudonymousID] = []
      for pid in pids {
        if let key = state.recent[pid] {
          found[pid] = key
        } else if let key = state.older[pid] {
          found[pid] = key
          keep(key, of: pid, in: &state)
        } else {
          missing.append(pid)
        }
      }
      return (found, missing, state.forgetCount)
    }
    var found = cached
    for start in stride(from: 0, to: missing.count, by: Self.requestCountMax) {
      let page = Array(missing[start..<min(missing.count, start + Self.requestCountMax)])
      let fetched = try await fetch(page)
      found.merge(fetched) { _, new in new }
      state.withLock { state in
        guard state.forgetCount == forgetCount else { return }
        for (pid, key) in fetched { keep(key, of: pid, in: &state) }
      }
    }
    return found
  }

  package func forget(_ pid: PseudonymousID) {
    state.withLock { state in
      state.recent[pid] = nil
      state.older[pid] = nil
      state.forgetCount += 1
    }
  }

  private func fetch(
    _ pids: [PseudonymousID]
  ) async throws -> [PseudonymousID: SealingKey] {
    let reply = try await vault.subjectKeys(SubjectKeysRequest(pids: pids.map(\.bytes)))
    guard reply.keys.count == pids.count else {
      throw RPCError(.internalError, "the vault answered for other people than asked")
    }
    var keys: [PseudonymousID: SealingKey] = [:]
    for (pid, key) in zip(pids, reply.keys) where !key.forgotten && !key.key.isEmpty {
      keys[pid] = try SealingKey(id: .subject, secret: SecretBytes(copying: key.key))
    }
    return keys
  }

  private func keep(_ key: SealingKey, of pid: PseudonymousID, in state: inout State) {
    state.recent[pid] = key
    guard state.recent.count > generationCountMax else { return }
    state.older = state.recent
    state.recent = [:]
  }
}
