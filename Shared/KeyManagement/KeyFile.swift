internal import Foundation

/// A file of keys: JSON with its kind and the number of its format in front of all else.
protocol KeyFile: Codable {
  static var kind: String { get }
  /// The newest format that this program reads.
  static var format: Int { get }
  /// The oldest.
  static var oldestFormat: Int { get }
  /// The format that the file is written in: the oldest that can say all of it.
  var ownFormat: Int { get }
}

extension KeyFile {
  static var oldestFormat: Int { format }
  var ownFormat: Int { Self.format }
}

private struct KeyFileHead: Decodable {
  let kind: String
  let format: Int
}

private struct KeyFileBody<File: KeyFile>: Codable {
  let kind: String
  let format: Int
  let content: File

  init(_ content: File) {
    kind = File.kind
    format = content.ownFormat
    self.content = content
  }
}

extension KeyFile {
  /// Reads a file's bytes. What the decoder says about them is not repeated: it may quote a key.
  static func decode(_ bytes: [UInt8], path: String) throws(KeyManagementError) -> Self {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let data = Data(bytes)
    guard let head = try? decoder.decode(KeyFileHead.self, from: data) else {
      throw .damaged(path: path, reason: "it is cut, damaged, or not JSON")
    }
    guard head.kind == kind else {
      throw .damaged(path: path, reason: "it is of another kind than \(kind)")
    }
    guard head.format <= format else {
      throw .newerFormat(path: path, found: head.format, supported: format)
    }
    guard head.format >= oldestFormat,
      let body = try? decoder.decode(KeyFileBody<Self>.self, from: data)
    else { throw .damaged(path: path, reason: "a field is missing or malformed") }
    return body.content
  }

  /// The bytes of the file, for people to read too.
  func encoded(path: String) throws(KeyManagementError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(KeyFileBody(self)) else {
      throw .damaged(path: path, reason: "it cannot be encoded")
    }
    return Array(data) + [UInt8(ascii: "\n")]
  }
}
