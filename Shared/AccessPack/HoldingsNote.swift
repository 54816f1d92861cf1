package import Cryptography
package import PrivacyCore

/// What a service signs of its answer: for whom, under which entry of its log, and the hash of every
/// line. Signed with the log's key, so that a part that was shortened or changed shows.
///
///     tacit-access/v1
///     log tacit/consent/0011223344556677
///     service consent
///     pids 1 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
///     entry 41
///     time 1768048496000000
///     lines 12 9f86D0iEwemWl1Pe6x2fU0v7bKoSCLU5BkoyZ7d3Qd8=
package struct HoldingsNote: Hashable, Sendable {
  // No checkpoint has this for a first line with the like of the second behind it.
  private static let heading = "tacit-access/v1"

  /// The log's origin.
  package let origin: String
  /// The service that answers.
  package let service: String
  /// How many pids were asked for.
  package let pidCount: UInt64
  /// SHA-256 of the pids, one behind the other in the order asked.
  package let pidsHash: [UInt8]
  /// The place of the access's entry in the log, from 0.
  package let entry: UInt64
  /// When the answer was complete, in microseconds since the epoch.
  package let atUs: Int64
  /// How many lines the answer has.
  package let lineCount: UInt64
  /// SHA-256 of the lines, each with its line feed.
  package let linesHash: [UInt8]

  package init(
    origin: String, service: String, pids: [PseudonymousID], entry: UInt64, atUs: Int64,
    lineCount: UInt64, linesHash: [UInt8]
  ) throws(CryptographyError) {
    self.origin = origin
    self.service = service
    pidCount = UInt64(pids.count)
    pidsHash = try Self.hash(pids)
    self.entry = entry
    self.atUs = atUs
    self.lineCount = lineCount
    self.linesHash = linesHash
  }

  /// SHA-256 of pids, one behind the other.
  package static func hash(_ pids: [PseudonymousID]) throws(CryptographyError) -> [UInt8] {
    try Digest.sha256(pids.flatMap(\.bytes))
  }

  /// The text that is signed.
  package var text: String {
    """
    \(Self.heading)
    log \(origin)
    service \(service)
    pids \(pidCount) \(Base64.encode(pidsHash))
    entry \(entry)
    time \(atUs)
    lines \(lineCount) \(Base64.encode(linesHash))

    """
  }

  /// Reads such a text; `nil` for any other. There is one text for each note.
  package init?(text: String) {
    let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map {
      String(Substring($0))
    }
    guard lines.count == 8, lines[0] == Self.heading, lines[7].isEmpty else { return nil }
    func value(_ index: Int, _ name: String) -> String? {
      let prefix = name + " "
      return lines[index].hasPrefix(prefix) ? String(lines[index].dropFirst(prefix.count)) : nil
    }
    func counted(_ index: Int, _ name: String) -> (count: UInt64, hash: [UInt8])? {
      guard let parts = value(index, name)?.split(separator: " "), parts.count == 2,
        let count = UInt64(parts[0]), let hash = Base64.decode(parts[1])
      else { return nil }
      return (count, hash)
    }
    guard let origin = value(1, "log"), let service = value(2, "service"),
      let pids = counted(3, "pids"), let entry = value(4, "entry").flatMap({ UInt64($0) }),
      let atUs = value(5, "time").flatMap({ Int64($0) }), let held = counted(6, "lines")
    else { return nil }
    self.origin = origin
    self.service = service
    pidCount = pids.count
    pidsHash = pids.hash
    self.entry = entry
    self.atUs = atUs
    lineCount = held.count
    linesHash = held.hash
    guard self.text.utf8.elementsEqual(text.utf8) else { return nil }
  }
}
