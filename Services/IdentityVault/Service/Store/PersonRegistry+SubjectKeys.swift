internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import VaultAPI

extension PersonRegistry {
  /// For each pid the key of `caller`, as of one moment. About 15 µs a key. Somebody whose key is
  /// destroyed is forgotten, whatever the store says.
  func subjectKeys(_ pids: [PseudonymousID], of caller: String) throws -> [SubjectKey] {
    var answers = [SubjectKey](repeating: SubjectKey(forgotten: true), count: pids.count)
    var people: [(pid: PseudonymousID, record: SubjectKeyRecord)] = []
    var places: [Int] = []
    try store.read { snapshot in
      for (place, pid) in pids.enumerated() {
        switch try Self.standing(of: pid, in: snapshot) {
        case .unknown: answers[place] = SubjectKey()
        case .forgotten: break
        case .known(let person):
          people.append((person, try keys.record(of: person, in: snapshot)))
          places.append(place)
        }
      }
    }
    let info = Array("tacit subject key|\(caller)".utf8)
    try keys.withKeys(of: people) { index, secret in
      let derived = try SubjectKeyKeeper.derived(from: secret, info: info)
      answers[places[index]] = SubjectKey(key: derived.withUnsafeBytes { [UInt8]($0) })
    }
    return answers
  }
}
