internal import PrivacyCore
internal import ServiceKit

/// A file of pids, one a line; `-` is standard input.
enum PeopleFile {
  /// Reads it; empty lines say nothing.
  ///
  /// - Throws: `CommandFailure` naming the first line that is no pid.
  static func read(_ path: String) throws -> [PseudonymousID] {
    var reader = try LineReader(path: path)
    var people: [PseudonymousID] = []
    while let lines = try reader.next(countMax: 1_000, byteCountMax: 1 << 20) {
      for line in lines where !line.text.isEmpty {
        do {
          people.append(try Reading.pid(line.text))
        } catch {
          throw CommandFailure("line \(line.number) of \(path) is no pid")
        }
      }
    }
    return people
  }
}
