internal import ArgumentParser
internal import DynamicMessages
internal import Foundation
internal import Pipeline
internal import SchemaModel
internal import ServiceKit
internal import Synchronization

/// Where the requests of a call come from: the command line, a file or standard input.
final class RequestSource: Sendable {
  private enum Kind: Sendable {
    case one(JSONValue?)
    case lines
  }

  private let kind: Kind
  private let reader: LineFeed
  private let isTaken = Mutex(false)
  private let codec: MessageCodec
  private let input: String

  /// Reads what the words after the method's name say. What was given on the command line is
  /// checked now.
  init(_ words: [String], for call: DynamicCall) throws {
    (codec, input) = (call.codec, call.method.input)
    let path: String? =
      if words == ["-"] || words.isEmpty && call.takesMany {
        "-"
      } else if words.count == 1, words[0].hasPrefix("@") {
        String(words[0].dropFirst())
      } else {
        nil
      }
    reader = try LineFeed(path: path)
    if call.takesMany, path != nil {
      kind = .lines
      return
    }
    let text = try reader.everything()
    let request = try asUsage { () throws(DynamicMessageError) -> JSONValue? in
      let request: JSONValue? =
        if path != nil {
          try JSONParser.parse(text)
        } else if words.count == 1, words[0].hasPrefix("{") || words[0].hasPrefix("[") {
          try JSONParser.parse(words[0])
        } else if words.isEmpty {
          nil
        } else {
          try call.codec.json(fromFields: words, as: call.method.input)
        }
      _ = try call.codec.pack(json: request ?? .object([]), as: call.method.input)
      return request
    }
    kind = .one(request)
  }

  /// The next request; `nil` behind the last one.
  func next() async throws -> JSONValue? {
    switch kind {
    case .one(let request):
      let isFirst = isTaken.withLock { isTaken in
        defer { isTaken = true }
        return !isTaken
      }
      return isFirst ? request ?? .object([]) : nil
    case .lines:
      guard let line = try await reader.next() else { return nil }
      do {
        let request = try JSONParser.parse(line.text)
        // Now, since the call does not know the line any more.
        _ = try codec.pack(json: request, as: input)
        return request
      } catch {
        throw CommandFailure("line \(line.number): \(error)")
      }
    }
  }
}
