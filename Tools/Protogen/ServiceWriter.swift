internal import SchemaModel

/// Writes a service: its method table, the protocol a server implements, and the client.
struct ServiceWriter {
  let service: ServiceType
  let types: TypeTable

  func write(to source: inout SourceText) throws {
    writeMethods(to: &source)
    source.line()
    try writeServing(to: &source)
    source.line()
    try writeRegistration(to: &source)
    source.line()
    try writeClient(to: &source)
  }

  private var methodsName: String { "\(service.name)Methods" }

  private func writeMethods(to source: inout SourceText) {
    source.comment(["The methods of `\(service.fullName)`."])
    source.block("public enum \(methodsName)") { source in
      for method in service.methods {
        source.comment(method.source.comment)
        source.line("public static let \(SwiftName.method(method.name)) = MethodDescriptor(")
        source.line("  id: 0x\(method.hexadecimalID), name: \"\(method.fullName)\",")
        source.line("  kind: .\(method.kind.rawValue), scope: \"\(method.scope ?? "")\",")
        source.line("  isInline: \(method.isInline), isIdempotent: \(method.isIdempotent))")
        source.line()
      }
      source.comment(["All methods, in the order of the schema."])
      source.list(
        "public static let all: [MethodDescriptor] = [",
        service.methods.map { SwiftName.method($0.name) }, "]")
    }
  }

  private func writeServing(to source: inout SourceText) throws {
    source.comment(
      service.source.comment, otherwise: "What a server of `\(service.fullName)` implements.")
    try source.block("public protocol \(service.name)Serving: Sendable") { source in
      for (index, method) in service.methods.enumerated() {
        if index > 0 { source.line() }
        let (input, output) = (try types.name(of: method.input), try types.name(of: method.output))
        var parameters: [String]
        var result = ""
        switch method.kind {
        case .unary, .serverStreaming: parameters = ["_ request: \(input)"]
        case .clientStreaming, .bidirectional:
          parameters = ["_ requests: RequestStream<\(input)>"]
        }
        switch method.kind {
        case .unary, .clientStreaming: result = " -> \(output)"
        case .serverStreaming, .bidirectional:
          parameters.append("replies: ReplyWriter<\(output)>")
        }
        parameters.append("context: CallContext")
        source.comment(method.source.comment)
        let effects = method.runsInPlace ? "throws" : "async throws"
        source.list(
          "func \(SwiftName.method(method.name))(", parameters, ") \(effects)\(result)")
      }
    }
  }

  private func writeRegistration(to source: inout SourceText) throws {
    try source.block("extension \(service.name)Serving") { source in
      source.comment(["Makes the router answer the service's methods with this server."])
      try source.block("public func register(on router: inout Router)") { source in
        for method in service.methods {
          let name = SwiftName.method(method.name)
          let (input, output) = (
            try types.name(of: method.input), try types.name(of: method.output)
          )
          let (parameters, labels, result): (String, String, String) =
            switch method.kind {
            case .unary: ("request: \(input), context", "request", " -> \(output)")
            case .clientStreaming:
              ("requests: RequestStream<\(input)>, context", "requests", " -> \(output)")
            case .serverStreaming:
              (
                "request: \(input), replies: ReplyWriter<\(output)>, context",
                "request, replies: replies", ""
              )
            case .bidirectional:
              (
                "requests: RequestStream<\(input)>, replies: ReplyWriter<\(output)>, context",
                "requests, replies: replies", ""
              )
            }
          let registration = method.runsInPlace ? "inlineUnary" : method.kind.rawValue
          let (effects, marks) =
            method.runsInPlace ? ("throws", "try") : ("async throws", "try await")
          source.line("router.\(registration)(\(methodsName).\(name)) {")
          source.line("  (\(parameters): CallContext) \(effects)\(result) in")
          source.line("  \(marks) self.\(name)(\(labels), context: context)")
          source.line("}")
        }
      }
    }
  }

  private func writeClient(to source: inout SourceText) throws {
    source.comment(["Calls `\(service.fullName)`."])
    try source.block("public struct \(service.name)Client: Sendable") { source in
      source.line("private let client: RPCClient")
      source.line()
      source.comment(["A client that calls through `client`, which it shares."])
      source.block("public init(_ client: RPCClient)") { $0.line("self.client = client") }
      for method in service.methods {
        source.line()
        let name = SwiftName.method(method.name)
        let (input, output) = (try types.name(of: method.input), try types.name(of: method.output))
        let (takesRequest, result) =
          switch method.kind {
          case .unary: (true, output)
          case .serverStreaming: (true, "ReplyStream<\(output)>")
          case .clientStreaming, .bidirectional: (false, "ClientStream<\(input), \(output)>")
          }
        source.comment(method.source.comment)
        source.list(
          "public nonisolated(nonsending) func \(name)(",
          (takesRequest ? ["_ request: \(input)"] : []) + ["options: CallOptions = .init()"],
          ") async throws(RPCError) -> \(result) {")
        source.line(
          "  try await client.\(method.kind.rawValue)(\(methodsName).\(name), "
            + (takesRequest ? "request, " : "") + "options: options)")
        source.line("}")
      }
    }
  }
}

extension Method {
  /// Whether the handler runs where the frame was read: it must not wait, so it is no `async`.
  fileprivate var runsInPlace: Bool { isInline && kind == .unary }

  fileprivate var hexadecimalID: String {
    let digits = String(id, radix: 16, uppercase: true)
    let padded = String(repeating: "0", count: 8 - digits.count) + digits
    return "\(padded.prefix(4))_\(padded.suffix(4))"
  }
}
