package import DynamicMessages
internal import ReflectionAPI
package import RPC
package import SchemaModel
package import ServiceKit

/// What can be asked of a server: the schemas, and the services that are answered.
package struct ServerSchema: Sendable {
  /// The schemas.
  package let codec: MessageCodec
  /// The services that are answered, by name.
  package let services: [ServiceType]
  /// Why this is not what the server said itself; `nil` where it is.
  package let reservation: String?

  private init(_ catalog: SchemaCatalog, answers names: Set<String>?, reservation: String?) {
    codec = MessageCodec(catalog)
    services = catalog.services.filter { names?.contains($0.fullName) ?? true }
    self.reservation = reservation
  }

  /// The schemas of this build, with all their services.
  package static func embedded(reservation: String? = nil) throws -> ServerSchema {
    ServerSchema(
      try SchemaCatalog(descriptorSet: EmbeddedSchema.descriptorSet), answers: nil,
      reservation: reservation)
  }

  /// What the server behind `client` says of itself. One that doesn't, or that says what cannot be
  /// read, is taken to be of this build.
  ///
  /// - Throws: `RPCError` where the server cannot be reached.
  package static func reflected(
    by client: RPCClient, options: CallOptions = CallOptions(timeoutMs: 10_000)
  ) async throws -> ServerSchema {
    let reply: SchemaReply
    do throws(RPCError) {
      reply = try await ReflectionClient(client).schema(SchemaRequest(), options: options)
    } catch {
      guard [.unimplemented, .permissionDenied].contains(error.code) else { throw error }
      return try embedded(
        reservation: "the server does not tell its schema (\(error.code)); using this build's")
    }
    do {
      return ServerSchema(
        try SchemaCatalog(descriptorSet: reply.descriptorSet), answers: Set(reply.services),
        reservation: nil)
    } catch {
      return try embedded(
        reservation: "the server's schema cannot be read (\(error)); using this build's")
    }
  }

  // MARK: - Names

  /// The method that `name` stands for: `tacit.consent.v1.Consent/Check`, `Consent/Check`, or
  /// `Check` where only one service has it.
  package func method(named name: String) throws(NameError) -> Method {
    try only(methods(named: name), for: name, kind: "method", known: services.map(\.name))
  }

  /// Every method that `name` may stand for.
  package func methods(named name: String) -> [Method] {
    let methods = services.flatMap(\.methods)
    let slashed = Self.slashed(name)
    let exact = methods.filter { $0.fullName == slashed }
    return exact.isEmpty ? methods.filter { Self.ends($0.fullName, with: slashed) } : exact
  }

  /// What a name in `tacit describe` stands for.
  package enum Item: Sendable {
    case service(ServiceType)
    case method(Method)
    case message(MessageType)
    case enumeration(EnumType)

    package var fullName: String {
      switch self {
      case .service(let service): service.fullName
      case .method(let method): method.fullName
      case .message(let message): message.fullName
      case .enumeration(let type): type.fullName
      }
    }
  }

  /// The service, method, message or enum with this name or an end of it.
  package func item(named name: String) throws(NameError) -> Item {
    let catalog = codec.catalog
    var items = services.map(Item.service)
    items += catalog.messageNames.compactMap { catalog.message($0).map { .message($0.type) } }
    items += catalog.enumNames.compactMap { catalog.enumeration($0).map { .enumeration($0) } }
    let exact = items.filter { $0.fullName == name }
    let found =
      exact.isEmpty
      ? items.filter { Self.ends($0.fullName, with: name) }
        + methods(named: name).map(Item.method) : exact
    return try only(
      found, for: name, kind: "service, method, message or enum", known: services.map(\.name))
  }

  private func only<Named>(
    _ found: [Named], for name: String, kind: String, known: [String]
  ) throws(NameError) -> Named where Named: HasFullName {
    guard let first = found.first else { throw .unknown(name: name, kind: kind, known: known) }
    guard found.count == 1 else {
      throw .ambiguous(name: name, candidates: found.map(\.fullName).sorted())
    }
    return first
  }

  /// Whether `name` is the whole of `fullName` or its last words.
  private static func ends(_ fullName: String, with name: String) -> Bool {
    !name.isEmpty
      && (fullName == name || fullName.hasSuffix(".\(name)") || fullName.hasSuffix("/\(name)"))
  }

  /// `Consent.Check` as `Consent/Check`, as gRPC's tools take it too.
  private static func slashed(_ name: String) -> String {
    guard !name.contains("/"), let dot = name.lastIndex(of: ".") else { return name }
    return "\(name[..<dot])/\(name[name.index(after: dot)...])"
  }
}

/// What has a name with its package.
package protocol HasFullName {
  var fullName: String { get }
}

extension Method: HasFullName {}
extension ServerSchema.Item: HasFullName {}

/// Why a name stands for nothing, or for too much.
package enum NameError: Error, Hashable, Sendable, CustomStringConvertible {
  case unknown(name: String, kind: String, known: [String])
  case ambiguous(name: String, candidates: [String])
  case everywhere(method: String)
  case nowhere(name: String)

  package var description: String {
    switch self {
    case .unknown(let name, let kind, let known):
      "there is no \(kind) \(name); the services are \(known.joined(separator: ", "))"
    case .ambiguous(let name, let candidates):
      "\(name) may be \(candidates.joined(separator: " or "))"
    case .everywhere(let method):
      "every service answers \(method); say which one with --service or --to"
    case .nowhere(let name):
      "this build does not know \(name); say which service has it with --service or --to"
    }
  }
}

extension WellKnownService {
  /// The service that answers the method called `name`, by the schemas of this build and by the
  /// name itself, which may be newer.
  package static func answering(_ name: String, by schema: ServerSchema) throws -> Self {
    let packages = Set(schema.methods(named: name).map { package(of: $0.fullName) })
    if packages.count > 1 { _ = try schema.method(named: name) }
    if let package = packages.first {
      guard let service = Self(rawValue: package) else { throw NameError.everywhere(method: name) }
      return service
    }
    // `Consent/NewMethod` and `tacit.consent.v1.Consent/NewMethod`.
    let words = name.lowercased().split { ".\u{2F}".contains($0) }.map(String.init)
    guard words.count > 1, let service = words.compactMap(Self.init(rawValue:)).first else {
      throw NameError.nowhere(name: name)
    }
    return service
  }

  /// `consent` of `tacit.consent.v1.Consent/Check`.
  private static func package(of fullName: String) -> String {
    fullName.split(separator: ".").dropFirst().first.map(String.init) ?? ""
  }
}
