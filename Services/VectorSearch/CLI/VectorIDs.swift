internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import VectorsAPI

/// How a collection's ids are written: item codes, or the pids of people.
enum VectorIDs {
  case items, people

  /// Those of a collection that is there.
  static func of(
    _ collection: String, in vectors: VectorsClient, options: CallOptions
  ) async throws -> VectorIDs {
    let reply = try await vectors.listCollections(ListCollectionsRequest(), options: options)
    guard let found = reply.collections.first(where: { $0.name == collection }) else {
      throw CommandFailure("there is no collection \(collection)")
    }
    return found.subject == .person ? .people : .items
  }

  /// The id as it is sent.
  func bytes(of text: String) throws -> [UInt8] {
    guard self == .people else { return Array(text.utf8) }
    guard let pid = PseudonymousID(text: text) else {
      throw CommandFailure("the collection is of people: an id is a pid of 43 characters")
    }
    return pid.bytes
  }

  /// The id as people read it.
  func text(of bytes: [UInt8]) -> String {
    switch self {
    case .items: String(decoding: bytes, as: UTF8.self)
    case .people: PseudonymousID(bytes: bytes)?.description ?? Hexadecimal.encode(bytes)
    }
  }
}
