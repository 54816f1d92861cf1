package import Foundation

/// Looks for a text in every file below a directory, byte by byte, as an auditor's grep would.
package struct IdentifierSweep {
  private let root: URL

  /// A sweep of everything below `root`.
  package init(root: URL) { self.root = root }

  /// How often `text` occurs.
  package func count(_ text: String) throws -> Int {
    let needle = Data(text.utf8)
    var found = 0
    guard
      let files = FileManager.default.enumerator(
        at: root, includingPropertiesForKeys: [.isRegularFileKey])
    else { return 0 }
    for case let file as URL in files {
      guard try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else {
        continue
      }
      let content = try Data(contentsOf: file, options: .alwaysMapped)
      var start = content.startIndex
      while let range = content.range(of: needle, in: start..<content.endIndex) {
        found += 1
        start = range.upperBound
      }
    }
    return found
  }
}
