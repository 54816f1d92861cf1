internal import Foundation
internal import PrivacyCore
internal import ServiceKit
internal import Synchronization
internal import VaultAPI

/// Writes the pids of a file's lines to standard output, and the refused lines to where they
/// belong: into the same output as JSON, else into a list of their own.
final class PseudonymOutput: Sendable {
  private struct Row: Encodable {
    let line: Int
    var pid: String?
    var otherPid: String?
    var known: Bool?
    var refusal: String?

    enum CodingKeys: String, CodingKey {
      case line, pid, known, refusal
      case otherPid = "other_pid"
    }
  }

  private let isJSON: Bool
  private let showsBoth: Bool
  private let rejects: RejectList
  private let state = Mutex((lastLine: 0, pidCount: 0, refusedCount: 0))

  /// - Parameter showsBoth: has a column for the other pid.
  init(isJSON: Bool, showsBoth: Bool, rejects: RejectList) {
    self.isJSON = isJSON
    self.showsBoth = showsBoth
    self.rejects = rejects
  }

  /// The number of the last line that was written; 0 before the first.
  var lastLine: Int { state.withLock { $0.lastLine } }
  var pidCount: Int { state.withLock { $0.pidCount } }
  var refusedCount: Int { state.withLock { $0.refusedCount } }

  /// Writes what became of the lines of one batch.
  func write(_ reply: PseudonymizeReply, for batch: [SentLine]) throws {
    let rows = Self.rows(reply, for: batch)
    var text = !isJSON && lastLine == 0 ? "line\tpid\tknown\(showsBoth ? "\tother" : "")\n" : ""
    var refused: [(line: Int, reason: String)] = []
    for row in rows {
      if isJSON {
        text += try jsonLine(row) + "\n"
      } else if let pid = row.pid {
        text += "\(row.line)\t\(pid)\t\(row.known == true ? "yes" : "no")"
        text += showsBoth ? "\t\(row.otherPid ?? "")\n" : "\n"
      }
      if row.pid == nil { refused.append((row.line, row.refusal ?? "")) }
    }
    if !isJSON { try rejects.add(refused) }
    try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    state.withLock { state in
      state.lastLine = rows.last?.line ?? state.lastLine
      state.pidCount += rows.count - refused.count
      state.refusedCount += refused.count
    }
  }

  private static func rows(_ reply: PseudonymizeReply, for batch: [SentLine]) -> [Row] {
    var pseudonyms = reply.pseudonyms.makeIterator()
    return batch.map { sent in
      if let refusal = sent.refusal { return Row(line: sent.number, refusal: refusal) }
      guard let pseudonym = pseudonyms.next() else {
        return Row(line: sent.number, refusal: "the service gave no answer")
      }
      guard let pid = PseudonymousID(bytes: pseudonym.pid) else {
        return Row(line: sent.number, refusal: pseudonym.refusal)
      }
      return Row(
        line: sent.number, pid: pid.description,
        otherPid: PseudonymousID(bytes: pseudonym.otherPid)?.description, known: pseudonym.known)
    }
  }
}
