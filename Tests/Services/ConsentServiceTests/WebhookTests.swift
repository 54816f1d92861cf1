import ConsentAPI
import HTTP
import ConsentService
import Cryptography
import Foundation
import PrivacyCore
import RPC
import Synchronization
import TestSupport
import Testing

@Suite("Telling systems outside")
struct WebhookTests {
  private static var configuration: ConsentConfiguration {
    var configuration = ConsentConfiguration.quick
    configuration.webhooks.attemptCountMax = 3
    configuration.webhooks.retryMsMin = 1
    configuration.webhooks.retryMsMax = 4
    configuration.webhooks.answerMs = 20_000
    configuration.webhooks.batchCount = 10
    return configuration
  }

  /// Runs `body` with a service that sends to `receiver`.
  private func run(
    _ receiver: HTTPReceiver, webhook: Bool = true,
    _ body: (ConsentFixture, AddWebhookReply) async throws -> Void
  ) async throws {
    let port = try await receiver.start()
    try await ConsentFixture.run(configuration: Self.configuration) { fixture async throws in
      try await fixture.whileRunning {
        let reply = try await fixture.client.addWebhook(
          AddWebhookRequest(
            webhook: Webhook(id: "crm", url: "http://127.0.0.1:\(port)/consent?v=1")))
        try await body(fixture, reply)
      }
    }
    await receiver.stop()
  }

  private func standing(_ fixture: ConsentFixture) async throws -> WebhookStanding {
    try required(
      try await fixture.client.listWebhooks(ListWebhooksRequest()).webhooks.first)
  }

  @Test("each change is sent once, signed, in log order for each person")
  func sends() async throws {
    let receiver = HTTPReceiver()
    try await run(receiver) { fixture, reply async throws in
      let first = try await fixture.grant(1)
      for person in UInt64(2)...4 { try await fixture.grant(person) }
      try await fixture.withdraw(1)
      try await eventually("all are sent") { receiver.received.count == 5 }
      try await eventually("all are settled") {
        try await standing(fixture).settledSequence == 5
      }
      #expect(receiver.taken().sorted() == [1, 2, 3, 4, 5])
      let message = try #require(receiver.received.first { $0.sequence == 1 })
      #expect(message.target == "/consent?v=1")
      #expect(message.headers["content-type"] == "application/json")
      let text = String(decoding: message.body, as: UTF8.self)
      #expect(text.contains("\"receipt\":" + ReceiptJSON.line(first)))
      _ = try JSONSerialization.jsonObject(with: Data(message.body))
      let key = try HMACKey(secret: SecretBytes(copying: reply.signingKey))
      let signature = try #require(message.headers["tacit-signature"])
      #expect(
        try WebhookSignature.verify(
          signature, of: message.body, at: SystemTime().now, key: key))
      #expect(
        try !WebhookSignature.verify(
          signature, of: message.body + [32], at: SystemTime().now, key: key))
    }
  }

  @Test("a person's changes come in order although many are on their way")
  func order() async throws {
    let receiver = HTTPReceiver()
    try await run(receiver) { fixture, _ async throws in
      for _ in 1...4 {
        for person in UInt64(1)...5 {
          try await fixture.grant(person)
        }
      }
      try await eventually("all are sent") { receiver.received.count == 20 }
      for person in UInt64(1)...5 {
        let positions = receiver.taken().filter { ($0 - 1) % 5 + 1 == person }
        #expect(positions == positions.sorted())
        #expect(positions.count == 4)
      }
    }
  }

  @Test("a failure is tried again, also when the connection was closed")
  func retries() async throws {
    let receiver = HTTPReceiver { _, before in [500, 0, 200][min(before, 2)] }
    try await run(receiver) { fixture, _ async throws in
      try await fixture.grant(1)
      try await eventually("it is settled") { try await standing(fixture).settledSequence == 1 }
      #expect(receiver.taken() == [1, 1, 1])
      let after = try await standing(fixture)
      #expect(after.deadLetters == 0)
      #expect(after.lastFailure.isEmpty)
    }
  }

  @Test("a change that is not taken is a dead letter, and so are the later ones of its person only")
  func deadLetters() async throws {
    let isBroken = Mutex(true)
    let receiver = HTTPReceiver { message, _ in
      message.sequence == 1 && isBroken.withLock { $0 } ? 503 : 200
    }
    try await run(receiver) { fixture, _ async throws in
      try await fixture.grant(1)
      try await fixture.grant(2)
      try await fixture.withdraw(1)
      try await eventually("all are settled") {
        try await standing(fixture).settledSequence == 3
      }
      try await fixture.grant(1, scopes: ["analytics"])
      try await fixture.grant(2, scopes: ["analytics"])
      try await eventually("all are settled") {
        try await standing(fixture).settledSequence == 5
      }
      #expect(receiver.taken().filter { $0 != 1 } == [2, 5])
      #expect(receiver.taken().filter { $0 == 1 }.count == 3)
      let letters = try await fixture.client.listDeadLetters(
        ListDeadLettersRequest(id: "crm")
      ).letters
      #expect(letters.map(\.sequence) == [1, 3, 4])
      #expect(letters.map(\.attempts) == [3, 0, 0])
      #expect(letters[0].reason == "the answer was 503")
      #expect(letters[1].reason.contains("waits behind"))

      isBroken.withLock { $0 = false }
      let resumed = try await fixture.client.resumeDeadLetters(
        ResumeDeadLettersRequest(id: "crm"))
      #expect(resumed.resumed == 3)
      try await eventually("no letter is left") {
        try await standing(fixture).deadLetters == 0
      }
      #expect(receiver.taken().suffix(3) == [1, 3, 4])
    }
  }

  @Test("resumed letters that fail again stay, in order")
  func resumedInVain() async throws {
    let receiver = HTTPReceiver { _, _ in 500 }
    try await run(receiver) { fixture, _ async throws in
      try await fixture.grant(1)
      try await fixture.withdraw(1)
      try await eventually("both are dead") { try await standing(fixture).deadLetters == 2 }
      _ = try await fixture.client.resumeDeadLetters(ResumeDeadLettersRequest(id: "crm"))
      try await eventually("it was tried again") {
        try await fixture.client.listDeadLetters(ListDeadLettersRequest(id: "crm")).letters
          .map(\.attempts) == [6, 0]
      }
      #expect(!receiver.taken().contains(2))
    }
  }

  @Test("where a system stands survives a restart")
  func resumesAfterRestart() async throws {
    let receiver = HTTPReceiver()
    let port = try await receiver.start()
    try await withTemporaryDirectory { directory async throws in
      try await ConsentFixture.run(in: directory, configuration: Self.configuration) {
        fixture async throws in
        try await fixture.grant(1)
        try await fixture.whileRunning {
          _ = try await fixture.client.addWebhook(
            AddWebhookRequest(
              webhook: Webhook(id: "crm", url: "http://127.0.0.1:\(port)/"), fromNow: true))
          try await fixture.grant(2)
          try await eventually("it is settled") {
            try await standing(fixture).settledSequence == 2
          }
        }
        try await fixture.grant(3)
      }
      try await ConsentFixture.run(in: directory, configuration: Self.configuration) {
        fixture async throws in
        try await fixture.whileRunning {
          try await eventually("the rest is sent") { receiver.taken() == [2, 3] }
        }
      }
    }
    await receiver.stop()
  }

  @Test("nothing is sent to a system that was removed")
  func removed() async throws {
    let receiver = HTTPReceiver()
    try await run(receiver) { fixture, _ async throws in
      #expect(try await fixture.client.removeWebhook(RemoveWebhookRequest(id: "crm")).removed)
      #expect(try await !fixture.client.removeWebhook(RemoveWebhookRequest(id: "crm")).removed)
      try await fixture.grant(1)
      try await Task.sleep(for: .milliseconds(50))
      #expect(receiver.received.isEmpty)
      #expect(
        await refusal {
          _ = try await fixture.client.resumeDeadLetters(ResumeDeadLettersRequest(id: "crm"))
        }?.code == .notFound)
    }
  }

  @Test("there are at most 64 systems")
  func count() async throws {
    try await ConsentFixture.run { fixture async throws in
      func add(_ number: Int) async throws -> AddWebhookReply {
        try await fixture.client.addWebhook(
          AddWebhookRequest(
            webhook: Webhook(id: "crm\(number)", url: "https://crm.example/\(number)")))
      }
      for number in 1...64 { #expect(try await add(number).created) }
      let error = await refusal { _ = try await add(65) }
      #expect(error?.message.contains("64") == true, "\(String(describing: error))")
      // One that is there is answered for, and one that goes makes room.
      #expect(try await !add(64).created)
      _ = try await fixture.client.removeWebhook(RemoveWebhookRequest(id: "crm1"))
      #expect(try await add(65).created)
    }
  }

  @Test("what is no address, or taken, or beyond the log is refused")
  func refusals() async throws {
    try await ConsentFixture.run { fixture async throws in
      func message(_ webhook: Webhook) async -> String? {
        await refusal {
          _ = try await fixture.client.addWebhook(AddWebhookRequest(webhook: webhook))
        }?.message
      }
      #expect(await message(Webhook(id: "A", url: "https://crm.example/"))?.contains("id") == true)
      for url in ["crm", "http://crm.example/", "ftp://x/", "https://", "https://a@b/", ""] {
        #expect(await message(Webhook(id: "crm", url: url))?.contains("address") == true, "\(url)")
      }
      #expect(
        await message(Webhook(id: "crm", url: "https://crm.example/", afterSequence: 1))?
          .contains("ends at 0") == true)
      #expect(await message(Webhook(id: "crm", url: "https://crm.example/")) == nil)
      #expect(await message(Webhook(id: "crm", url: "https://crm.example")) == nil)
      #expect(
        await message(Webhook(id: "crm", url: "https://other.example/"))?.contains("taken")
          == true)
    }
  }
}

@Suite("Signatures of what is sent outside")
struct WebhookSignatureTests {
  // Made with Python's hmac: hmac.new(bytes(range(32)), b'1768048496.{"a":1}', 'sha256').
  private static let signature =
    "t=1768048496,v1=fac6563db30524515c98eba0671e92d861e0ac27e6a71f291672d453d7782d09"

  private func key() throws -> HMACKey {
    try HMACKey(secret: SecretBytes(copying: Array(0..<32)))
  }

  @Test("is HMAC-SHA256 over time and body")
  func vector() throws {
    let value = try WebhookSignature.value(
      of: Array(#"{"a":1}"#.utf8), at: Timestamp(seconds: 1_768_048_496), key: try key())
    #expect(value == Self.signature)
  }

  @Test("counts for five minutes, and a malformed one for never")
  func tolerance() throws {
    let body = Array(#"{"a":1}"#.utf8)
    func holds(_ value: String, at seconds: Int64) throws -> Bool {
      try WebhookSignature.verify(
        value, of: body, at: Timestamp(seconds: seconds), key: try key())
    }
    let at: Int64 = 1_768_048_496
    #expect(try holds(Self.signature, at: at + 300))
    #expect(try !holds(Self.signature, at: at + 301))
    #expect(try holds(Self.signature, at: at - 300))
    #expect(try !holds(Self.signature, at: at - 301))
    for value in ["", "t=1", "v1=00", "t=x,v1=00", "t=1768048496,v1=zz", "t=-1,v1=00", ","] {
      #expect(try !holds(value, at: at))
    }
  }
}

@Suite("Addresses of systems outside")
struct HTTPAddressTests {
  @Test(
    "are read into their parts",
    arguments: [
      ("https://crm.example", "crm.example", 443, "/"),
      ("https://CRM.example:8443/a/b?c=d", "crm.example", 8443, "/a/b?c=d"),
      ("https://crm.example?x=1", "crm.example", 443, "/?x=1"),
      ("http://localhost:80/", "localhost", 80, "/"),
      ("http://[::1]:9000/x", "::1", 9000, "/x"),
    ])
  func parts(text: String, host: String, port: Int, target: String) throws {
    let address = try #require(HTTPAddress(text))
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.target == target)
    #expect(HTTPAddress(address.description) == address)
  }

  @Test(
    "are refused where something else could be meant",
    arguments: [
      "https://a b/", "https://a/#f", "https://user:x@a/", "https://a:0/", "https://a:65536/",
      "https://a:b/", "https://[::1", "http://10.0.0.1/", "HTTPS://a/", "https://a\r\nX: y/",
    ])
  func refused(text: String) { #expect(HTTPAddress(text) == nil) }

  @Test("have a length")
  func length() {
    let base = "https://a/"
    let room = HTTPAddress.byteCountMax - base.utf8.count
    #expect(HTTPAddress(base + String(repeating: "x", count: room)) != nil)
    #expect(HTTPAddress(base + String(repeating: "x", count: room + 1)) == nil)
  }
}
