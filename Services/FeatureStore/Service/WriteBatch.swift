internal import CommonAPI
internal import Cryptography
internal import FeaturesAPI
internal import PrivacyCore
internal import SealedStore

/// The items of one write call that have passed their checks, person by person.
struct WriteBatch<Item: Sendable>: Sendable {
  /// One item with its place in the request and the receipt it names.
  struct Entry: Sendable {
    let index: Int
    let consentID: String
    let item: Item
  }

  private(set) var people: [PseudonymousID: [Entry]] = [:]
  private(set) var rejections: [Int: String] = [:]
  var written = 0
  var duplicates = 0

  /// Takes an item in, or the reason against it.
  mutating func add(
    _ index: Int, pid bytes: [UInt8], consentID: String,
    check: () throws(WriteRefusal) -> Item
  ) {
    guard let pid = PseudonymousID(bytes: bytes) else {
      rejections[index] = "the pid does not have 32 bytes"
      return
    }
    do {
      let entry = Entry(index: index, consentID: consentID, item: try check())
      people[pid, default: []].append(entry)
    } catch {
      rejections[index] = error.reason
    }
  }

  /// Refuses what the gate does not admit now.
  mutating func admit(_ gate: WriteGate) throws(FeatureStoreError) {
    for (pid, entries) in people {
      var refusals: [String: String?] = [:]
      var admitted: [Entry] = []
      for entry in entries {
        let refusal: String?
        if let known = refusals[entry.consentID] {
          refusal = known
        } else {
          refusal = try gate.refusal(pid, consentID: entry.consentID)
          refusals[entry.consentID] = .some(refusal)
        }
        rejections[entry.index] = refusal
        if refusal == nil { admitted.append(entry) }
      }
      people[pid] = admitted.isEmpty ? nil : admitted
    }
  }

  /// Refuses all of one person.
  mutating func refuse(_ pid: PseudonymousID, _ reason: String) {
    for entry in people.removeValue(forKey: pid) ?? [] { rejections[entry.index] = reason }
  }

  /// Refuses whoever was erased or has no key.
  mutating func refuseForgotten(_ isForgotten: (PseudonymousID) throws -> Bool) rethrows {
    for pid in people.keys where try isForgotten(pid) { refuse(pid, "the person was erased") }
  }

  /// The answer to the call.
  func reply(at sequence: LogSequenceNumber) -> WriteReply {
    WriteReply(
      written: UInt32(written), duplicates: UInt32(duplicates),
      rejections: rejections.sorted { $0.key < $1.key }
        .map { Rejection(index: UInt32($0.key), reason: $0.value) },
      sequence: sequence.value)
  }
}
