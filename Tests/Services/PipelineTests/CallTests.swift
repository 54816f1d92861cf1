import ConsentAPI
import DynamicMessages
import HealthAPI
import Pipeline
import RPC
import RPCTestSupport
import ReflectionAPI
import SchemaModel
import ServiceKit
import Synchronization
import Testing

@Suite("Calling a server by its schema")
struct CallTests {
  /// Makes one call with JSON lines and gives the lines that come back.
  private func call(
    _ name: String, _ requests: [String], through client: RPCClient,
    options: CallOptions = CallOptions()
  ) async throws -> [String] {
    let schema = try await ServerSchema.reflected(by: client)
    #expect(schema.reservation == nil)
    var call = DynamicCall(try schema.method(named: name), of: schema, through: client)
    call.options = options
    let feed = Feed(requests)
    let replies = Mutex<[String]>([])
    try await call.run(next: { try feed.next() }) { reply in
      replies.withLock { $0.append(reply.line) }
    }
    return replies.withLock { $0 }
  }

  private func withServer(_ body: (RPCClient) async throws -> Void) async throws {
    try await withLoopbackServer(
      { router in
        Answers.register(on: &router)
        ReflectionService(beside: router).register(on: &router)
      }, body)
  }

  @Test("one request is answered by one reply, read by the server's own schema")
  func unary() async throws {
    try await withServer { client in
      let check = try await call(
        "Consent/Check", [#"{"pid":"AQID","scope":"a"}"#], through: client)
      #expect(
        check == [#"{"granted":true,"reason":"CHECK_REASON_GRANTED","consent_id":"3 bytes, a"}"#])
      let health = try await call("Health/Check", [], through: client)
      #expect(health == [#"{"state":"SERVING_STATE_READY"}"#])
    }
  }

  @Test("many replies come one by one")
  func serverStreaming() async throws {
    try await withServer { client in
      let replies = try await call("Watch", ["{}"], through: client)
      #expect(
        replies == [#"{"complete_to":1}"#, #"{"complete_to":2}"#, #"{"complete_to":3}"#])
    }
  }

  @Test("requests are sent while replies come")
  func bidirectional() async throws {
    try await withServer { client in
      let replies = try await call(
        "Consent/Import", [#"{"first_line":1,"lines":["a","b"]}"#, #"{"lines":["c"]}"#],
        through: client)
      #expect(replies == [#"{"accepted":2}"#, #"{"accepted":3}"#])
    }
  }

  @Test("a request that does not fit ends the call with the field's path")
  func unfitRequest() async throws {
    try await withServer { client in
      for name in ["Consent/Check", "Consent/Import"] {
        let error = await #expect(throws: DynamicMessageError.self) {
          try await call(name, [#"{"nothing":1}"#], through: client)
        }
        #expect(error?.description.hasPrefix("nothing is no field") == true)
      }
    }
  }

  @Test("what fails on the server keeps its code and its details; what the caller adds arrives")
  func failures() async throws {
    try await withServer { client in
      let error = await #expect(throws: RPCError.self) {
        try await call("Consent/Show", [#"{"consent_id":"c"}"#], through: client)
      }
      #expect(error?.code == .notFound)
      #expect(error?.detail("kind") == "receipt")
      var options = CallOptions(timeoutMs: 50)
      options.metadata.add("ticket", "T-1")
      let late = await #expect(throws: RPCError.self) {
        try await call("History", ["{}"], through: client, options: options)
      }
      #expect(late?.code == .deadlineExceeded)
      let unknown = await #expect(throws: RPCError.self) {
        try await call("Consent/Grant", ["{}"], through: client, options: options)
      }
      #expect(unknown?.message == "ticket T-1")
    }
  }

  @Test("a server without reflection is taken to be of this build")
  func withoutReflection() async throws {
    try await withLoopbackServer(Answers.register) { client in
      let schema = try await ServerSchema.reflected(by: client)
      #expect(schema.reservation?.contains("UNIMPLEMENTED") == true)
      #expect(schema.services.map(\.name).contains("Vault"))
    }
  }

  @Test("a server whose schema cannot be read is taken to be of this build")
  func unreadableSchema() async throws {
    try await withLoopbackServer({ router in
      router.unary(ReflectionMethods.schema) { (_: SchemaRequest, _) in
        SchemaReply(descriptorSet: [0x0A, 0xFF], services: [])
      }
    }) { client in
      let schema = try await ServerSchema.reflected(by: client)
      #expect(schema.reservation?.contains("cannot be read") == true)
      #expect(!schema.services.isEmpty)
    }
  }

  @Test("a server tells of what it answers, and of nothing else")
  func services() async throws {
    try await withServer { client in
      let schema = try await ServerSchema.reflected(by: client)
      #expect(schema.services.map(\.name) == ["Consent", "Health", "Reflection"])
    }
  }
}

@Suite("Names of methods and messages")
struct CallNameTests {
  private let schema = Result { try ServerSchema.embedded() }

  @Test(
    "may be shortened where that is clear",
    arguments: [
      "tacit.consent.v1.Consent/Grant", "consent.v1.Consent/Grant", "Consent/Grant",
      "Consent.Grant", "Grant",
    ])
  func method(name: String) throws {
    #expect(try schema.get().method(named: name).fullName == "tacit.consent.v1.Consent/Grant")
    #expect(try WellKnownService.answering(name, by: schema.get()) == .consent)
  }

  @Test("are refused where they are not")
  func unclear() throws {
    let schema = try schema.get()
    #expect(
      throws: NameError.ambiguous(
        name: "Check",
        candidates: ["tacit.consent.v1.Consent/Check", "tacit.health.v1.Health/Check"])
    ) { try schema.method(named: "Check") }
    for name in ["", "/", ".", "rant", "Consent/", "onsent/Grant", "Vault/Grant"] {
      #expect(throws: NameError.self, "\(name)") { try schema.method(named: name) }
    }
    #expect(throws: NameError.self) { try schema.item(named: "CheckRequest") }
    #expect(throws: NameError.self) { try schema.item(named: "Nothing") }
  }

  @Test("say which service answers, also for methods that are newer than this build")
  func endpoint() throws {
    let schema = try schema.get()
    #expect(try WellKnownService.answering("Vectors/NewMethod", by: schema) == .vectors)
    #expect(try WellKnownService.answering("tacit.trainer.v2.Runs/New", by: schema) == .trainer)
    #expect(throws: NameError.everywhere(method: "Health/Check")) {
      try WellKnownService.answering("Health/Check", by: schema)
    }
    #expect(throws: NameError.nowhere(name: "NewMethod")) {
      try WellKnownService.answering("NewMethod", by: schema)
    }
    #expect(throws: NameError.self) { try WellKnownService.answering("Check", by: schema) }
  }

  @Test("describe services, methods, messages and enums with their comments and limits")
  func text() throws {
    let schema = try schema.get()
    let text = SchemaText(schema)
    #expect(text.services().contains("tacit.vault.v1.Vault"))
    let method = try text.text(of: schema.item(named: "Consent/Check"))
    #expect(method.contains("// Whether a person allows a scope.\nrpc Check("))
    #expect(method.contains("scope consent.read, inline, idempotent"))
    #expect(method.contains("  bytes pid = 1;  // at most 32 bytes"))
    #expect(method.contains("tacit call Consent/Check '{"))
    let message = try text.text(of: schema.item(named: "GateMessage"))
    #expect(message.contains("  oneof "))
    let type = try text.text(of: schema.item(named: "ReceiptKind"))
    #expect(type.contains("  RECEIPT_KIND_ERASURE = 3;"))
  }

  @Test("describe everything there is, as text and as JSON, with examples that can be sent")
  func everything() throws {
    let schema = try schema.get()
    let (text, document) = (SchemaText(schema), SchemaDocument(schema))
    _ = try JSONParser.parse(document.services().document)
    let catalog = schema.codec.catalog
    for name in catalog.messageNames + catalog.enumNames + schema.services.map(\.fullName) {
      let item = try schema.item(named: name)
      #expect(try !text.text(of: item).isEmpty)
      _ = try JSONParser.parse(document.json(of: item).line)
    }
    for method in schema.services.flatMap(\.methods) {
      let example = try schema.codec.example(of: method.input)
      #expect(throws: Never.self) { try schema.codec.pack(json: example, as: method.input) }
    }
  }
}

/// JSON texts, one after the other.
private final class Feed: Sendable {
  private let rest: Mutex<ArraySlice<String>>

  init(_ texts: [String]) { rest = Mutex(texts[...]) }

  func next() throws -> JSONValue? {
    try rest.withLock { rest in try rest.popFirst().map { try JSONParser.parse($0) } }
  }
}

/// A few methods with plain answers.
private enum Answers {
  static func register(on router: inout Router) {
    router.unary(ConsentMethods.check) { (request: ConsentAPI.CheckRequest, _) in
      ConsentAPI.CheckReply(
        granted: true, reason: .granted,
        consentID: "\(request.pid.count) bytes, \(request.scope)")
    }
    router.unary(ConsentMethods.show) { (_: ShowRequest, _) -> Receipt in
      throw RPCError(.notFound, "no such receipt", details: [StatusDetail("kind", "receipt")])
    }
    router.unary(ConsentMethods.history) { (_: HistoryRequest, _) -> HistoryReply in
      try await Task.sleep(for: .seconds(60))
      return HistoryReply()
    }
    router.unary(ConsentMethods.grant) { (_: GrantRequest, context) -> GrantReply in
      throw RPCError(.failedPrecondition, "ticket \(context.metadata["ticket"] ?? "none")")
    }
    router.serverStreaming(ConsentMethods.watch) {
      (_: WatchRequest, replies: ReplyWriter<ChangeBatch>, _) in
      for number in 1...3 { try await replies.send(ChangeBatch(completeTo: UInt64(number))) }
    }
    router.bidirectional(ConsentMethods.import) {
      (requests: RequestStream<ImportChunk>, replies: ReplyWriter<ImportProgress>, _) in
      var count: UInt64 = 0
      for try await chunk in requests {
        count += UInt64(chunk.lines.count)
        try await replies.send(ImportProgress(accepted: count))
      }
    }
    router.unary(HealthMethods.check) { (_: HealthAPI.CheckRequest, _) in
      HealthAPI.CheckReply(state: .ready)
    }
  }
}
