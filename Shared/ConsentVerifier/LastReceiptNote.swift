package import PrivacyCore

/// What the service says of a person who has no later receipt: how many there are, as of a time and
/// a size of the log. Signed with the log's key, so that a false one can be held against it: the log
/// then shows an entry of that person within that size which it denies.
///
///     tacit-consent-last-receipt/v1
///     log tacit/consent/0011223344556677
///     pid AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8
///     receipts 3
///     time 1768048496000000
///     size 1200
package struct LastReceiptNote: Hashable, Sendable {
  // No checkpoint has this for a first line with the like of the second behind it.
  private static let heading = "tacit-consent-last-receipt/v1"

  /// The log's origin.
  package let origin: String
  /// The person.
  package let pid: PseudonymousID
  /// How many receipts the person has.
  package let receiptCount: UInt64
  /// As of when, in microseconds since the epoch: everything recorded by then is counted.
  package let atUs: Int64
  /// As of which size of the transparency log.
  package let treeSize: UInt64

  package init(
    origin: String, pid: PseudonymousID, receiptCount: UInt64, atUs: Int64, treeSize: UInt64
  ) {
    self.origin = origin
    self.pid = pid
    self.receiptCount = receiptCount
    self.atUs = atUs
    self.treeSize = treeSize
  }

  /// The text that is signed.
  package var text: String {
    """
    \(Self.heading)
    log \(origin)
    pid \(Base64URL.encode(pid.bytes))
    receipts \(receiptCount)
    time \(atUs)
    size \(treeSize)

    """
  }

  /// Reads such a text; `nil` for any other. There is one text for each note.
  package init?(text: String) {
    let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map {
      String(Substring($0))
    }
    guard lines.count == 7, lines[0] == Self.heading, lines[6].isEmpty else { return nil }
    func value(_ index: Int, _ name: String) -> String? {
      let prefix = name + " "
      return lines[index].hasPrefix(prefix) ? String(lines[index].dropFirst(prefix.count)) : nil
    }
    guard let origin = value(1, "log"),
      let pid = value(2, "pid").flatMap({ PseudonymousID(text: $0) }),
      let receiptCount = value(3, "receipts").flatMap({ UInt64($0) }),
      let atUs = value(4, "time").flatMap({ Int64($0) }),
      let treeSize = value(5, "size").flatMap({ UInt64($0) })
    else { return nil }
    self.init(
      origin: origin, pid: pid, receiptCount: receiptCount, atUs: atUs, treeSize: treeSize)
    guard self.text.utf8.elementsEqual(text.utf8) else { return nil }
  }
}
