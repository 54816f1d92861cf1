internal import Foundation

/// Prints `value` as one JSON document with sorted keys, for scripts.
public func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// A value as one line of JSON, for streams.
public func jsonLine(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// Reads the JSON that a person wrote.
///
/// - Throws: `CommandFailure` with what is wrong, without what stands there.
public func decodeJSON<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
  do {
    return try JSONDecoder().decode(type, from: Data(text.utf8))
  } catch DecodingError.keyNotFound(let key, _) {
    throw CommandFailure("it has no \(key.stringValue)")
  } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
    throw CommandFailure("\(context.place) is of another type")
  } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
    throw CommandFailure("\(context.place) cannot be read")
  } catch {
    throw CommandFailure("not JSON")
  }
}

extension DecodingError.Context {
  fileprivate var place: String {
    let place = codingPath.reduce("") { place, key in
      if let index = key.intValue { return "\(place)[\(index)]" }
      return place.isEmpty ? key.stringValue : "\(place).\(key.stringValue)"
    }
    return place.isEmpty ? "it" : place
  }
}
