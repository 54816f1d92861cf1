import Cryptography
import Foundation
import KeyManagement
import PrivacyCore
import TestSupport
import Testing

@testable import KeyManagementProviders

@Suite("The aws-kms provider")
struct AWSKeyManagementServiceTests {
  private static let arn =
    "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  private static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
  private static let variables = [
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": secret,
    "AWS_SESSION_TOKEN": "session-token",
  ]

  private static func open(
    _ port: Int, arn: String = arn, deadlineMs: Int = 10_000, answerMs: Int = 5_000
  ) throws -> any KeyManagementService {
    try openProvider(
      "aws-kms:\(arn)?endpoint=http://127.0.0.1:\(port)",
      .quick(variables, deadlineMs: deadlineMs, answerMs: answerMs))
  }

  /// What Decrypt answers for the sample.
  private static var decrypted: LoopbackHTTPServer.Answer {
    .json(
      200,
      #"{"KeyId":"\#(arn)","Plaintext":"\#(Base64.encode(Sample.key))","EncryptionAlgorithm":"#
        + #""SYMMETRIC_DEFAULT"}"#)
  }

  private static let wrapped = WrappedKey(
    provider: "aws-kms", rootKeyName: arn, ciphertext: [1, 2, 3])

  /// Runs `body` with a service that unwraps the sample, behind a proxy.
  private func withProxy(
    deadlineMs: Int = 10_000, answerMs: Int = 5_000,
    _ body: (FaultProxy, any KeyManagementService, _ endpoint: String) async throws -> Void
  ) async throws {
    let proxy = FaultProxy()
    let port = try await proxy.start { _ in Self.decrypted }
    do {
      try await body(
        proxy, Self.open(port, deadlineMs: deadlineMs, answerMs: answerMs),
        "http://127.0.0.1:\(port)")
    } catch {
      await proxy.stop()
      throw error
    }
    await proxy.stop()
  }

  private func unwrap(_ service: any KeyManagementService) async throws {
    let key = try await service.unwrap(Self.wrapped, context: Sample.context)
    let isSame = key.withUnsafeBytes { $0.elementsEqual(Sample.key) }
    #expect(isSame)
  }

  // MARK: - Against moto

  @Test(
    "it keeps the promises of every provider, and its keys outlive a service's restart",
    .enabled(if: MotoServer.program != nil, "moto_server is not installed"))
  func conformance() async throws {
    try await MotoServer.with { moto in
      let first = try await moto.createKey()
      let second = try await moto.createKey()
      let proxy = FaultProxy()
      let port = try await proxy.start { received in
        let answer = await moto.forward(received)
        // AWS says that the key asked for is not the one that wrapped; moto that it lets nobody in.
        if received.headers["x-amz-target"] == "TrentService.Decrypt",
          case .reply(_, _, let body) = answer,
          String(decoding: body, as: UTF8.self).contains("AccessDeniedException")
        {
          return .aws("IncorrectKeyException")
        }
        return answer
      }
      let service = try Self.open(port, arn: first)
      // Moto says so itself: what it makes of contexts is not what AWS does.
      try await checkConformance(
        of: service, sameRoot: Self.open(port, arn: first),
        otherRoot: Self.open(port, arn: second), joinsContexts: true)

      let wrapped = try await service.wrap(
        SecretBytes(copying: Sample.key), context: Sample.context)
      let other = try Self.open(port, arn: second)
      let error = await keyManagementError {
        _ = try await other.unwrap(wrapped, context: Sample.context)
      }
      #expect(
        error
          == .otherProvider(wrappedBy: "aws-kms \(first)", available: "aws-kms \(second)"))
      // The name of the root key is not what decides: the KMS itself refuses the other key.
      var renamed = wrapped
      renamed.rootKeyName = second
      #expect(
        await keyManagementError {
          _ = try await other.unwrap(renamed, context: Sample.context)
        } == .refused)
      await proxy.stop()
      try await checkOutage(of: moto, arn: first)
    }
  }

  /// What a service sees of a KMS that goes away: nothing, until it unwraps.
  private func checkOutage(of moto: MotoServer, arn: String) async throws {
    let proxy = FaultProxy()
    let port = try await proxy.start { await moto.forward($0) }
    // Every third call is slowed down, broken or refused for now, as on a bad day.
    proxy.spoil([.aws("ThrottlingException"), .cut, .aws("KMSInternalException", status: 500)])
    try await withTemporaryDirectory { directory in
      let service = try Self.open(port, arn: arn)
      let keys = try await ServiceKeys.open(
        service: "vault", directory: directory, kms: service)
      let code = try keys.hmacKey(purpose: "index").authenticate([1])
      let callCount = proxy.requestCount
      #expect(callCount >= 5)
      await proxy.stop()
      // The outage costs nothing: keys are derived from what is in memory.
      #expect(try keys.hmacKey(purpose: "index").authenticate([1]) == code)
      #expect(try keys.sealingKeys(purpose: "at-rest").current.id.rawValue == 1)
      #expect(proxy.requestCount == callCount)
      // What needs the KMS says so, and changes nothing.
      let file = directory.appending(path: ServiceKeys.fileName)
      let before = try Data(contentsOf: file)
      let gone = try Self.open(port, arn: arn, deadlineMs: 1_500)
      for error in [
        await keyManagementError {
          _ = try await ServiceKeys.open(service: "vault", directory: directory, kms: gone)
        },
        await keyManagementError {
          let fresh = directory.appending(path: "fresh")
          _ = try await ServiceKeys.open(service: "vault", directory: fresh, kms: gone)
        },
      ] {
        let text = try #require(error).description
        #expect(
          text.hasPrefix(
            "the key provider is unavailable: aws-kms at http://127.0.0.1:\(port): the connection "
              + "was refused ("), "\(text)")
      }
      #expect(try Data(contentsOf: file) == before)
      // It is back: the same keys.
      let again = FaultProxy()
      let newPort = try await again.start { await moto.forward($0) }
      let reopened = try await ServiceKeys.open(
        service: "vault", directory: directory, kms: Self.open(newPort, arn: arn))
      #expect(try reopened.hmacKey(purpose: "index").authenticate([1]) == code)
      await again.stop()
    }
  }

  // MARK: - Faults

  @Test(
    "what may pass is tried again",
    arguments: [
      "ThrottlingException", "com.amazonaws.kms#ThrottlingException", "LimitExceededException",
      "KeyUnavailableException", "DependencyTimeoutException", "KMSInternalException",
    ])
  func retries(code: String) async throws {
    try await withProxy { proxy, service, _ in
      proxy.spoil([.aws(code), .aws(code, status: 500), .json(503, "busy"), .json(429, "")])
      try await unwrap(service)
      #expect(proxy.requestCount == 5)
    }
  }

  @Test("a connection that ends before or inside an answer is made anew, and a silent one left")
  func brokenConnections() async throws {
    try await withProxy(answerMs: 1_000) { proxy, service, _ in
      proxy.spoil([.cut, .cutInside, .silence])
      try await unwrap(service)
      #expect(proxy.requestCount == 4)
    }
  }

  @Test("throttling without an end is an error that names it, within the deadline")
  func throttledForEver() async throws {
    try await withProxy(deadlineMs: 1_500) { proxy, service, endpoint in
      proxy.spoilAll(.aws("ThrottlingException"))
      let start = ContinuousClock().now
      let error = await keyManagementError { try await unwrap(service) }
      #expect(ContinuousClock().now - start < .seconds(5))
      let text = try #require(error).description
      #expect(
        text.hasPrefix(
          "the key provider is unavailable: aws-kms at \(endpoint): ThrottlingException (tries: "),
        "\(text)")
      #expect(text.hasSuffix(" in 1500 ms)"), "\(text)")
      #expect(proxy.requestCount >= 3)
      proxy.spoilAll(nil)
      try await unwrap(service)
    }
  }

  @Test("a KMS that does not answer is an error that says so")
  func silentForEver() async throws {
    try await withProxy(deadlineMs: 1_500, answerMs: 100) { proxy, service, endpoint in
      proxy.spoilAll(.silence)
      let error = try #require(await keyManagementError { try await unwrap(service) })
      #expect(
        error.description.hasPrefix(
          "the key provider is unavailable: aws-kms at \(endpoint): no answer in "), "\(error)")
      #expect(proxy.requestCount >= 2)
    }
  }

  @Test(
    "a disabled, deleted or missing key is named, and not tried again",
    arguments: [
      "DisabledException", "KMSInvalidStateException", "NotFoundException",
      "InvalidKeyUsageException",
    ])
  func unusableKey(code: String) async throws {
    try await withProxy { proxy, service, _ in
      proxy.spoil([.aws(code)])
      let error = try #require(await keyManagementError { try await unwrap(service) })
      #expect(error == .rootKeyUnusable(name: Self.arn, reason: code))
      #expect(error.description == "the root key \(Self.arn) cannot be used: \(code)")
      #expect(proxy.requestCount == 1)
    }
  }

  @Test(
    "a caller who is not let in is told so at once",
    arguments: [
      "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
      "ExpiredTokenException",
    ])
  func denied(code: String) async throws {
    try await withProxy { proxy, service, endpoint in
      proxy.spoil([.aws(code)])
      let error = try #require(await keyManagementError { try await unwrap(service) })
      #expect(error.description == "aws-kms at \(endpoint) does not let this caller in: \(code)")
      #expect(proxy.requestCount == 1)
    }
  }

  @Test(
    "answers of another form are refused",
    arguments: [
      #"{"KeyId":"arn:aws:kms:eu-central-1:1:key/other","Plaintext":"AAAA"}"#,
      #"{"KeyId":"KEY","Plaintext":"A"}"#, #"{"KeyId":"KEY","Plaintext":""}"#, #"{"KeyId":"KEY"}"#,
      "", "[]", "{",
    ])
  func malformedAnswers(text: String) async throws {
    try await withProxy { proxy, service, _ in
      proxy.spoil([.json(200, text.replacing("KEY", with: Self.arn))])
      let error = await keyManagementError { try await unwrap(service) }
      guard case .unexpectedAnswer? = error else {
        Issue.record("\(text): \(String(describing: error))")
        return
      }
      #expect(proxy.requestCount == 1)
    }
  }

  @Test("a wrapped key that is empty or longer than any is refused without a call")
  func lengths() async throws {
    try await withProxy { proxy, service, _ in
      for byteCount in [0, 6_145] {
        var wrapped = Self.wrapped
        wrapped.ciphertext = [UInt8](repeating: 1, count: byteCount)
        #expect(
          await keyManagementError {
            _ = try await service.unwrap(wrapped, context: Sample.context)
          } == .refused)
      }
      #expect(proxy.requestCount == 0)
      var longest = Self.wrapped
      longest.ciphertext = [UInt8](repeating: 1, count: 6_144)
      _ = try await service.unwrap(longest, context: Sample.context)
      #expect(proxy.requestCount == 1)
    }
  }

  // MARK: - Requests

  @Test("a request is what the KMS documents, and signed as it is sent")
  func request() async throws {
    try await withProxy { proxy, service, endpoint in
      try await unwrap(service)
      let received = try #require(proxy.received.first)
      #expect(received.method == "POST")
      #expect(received.target == "/")
      #expect(received.headers["x-amz-target"] == "TrentService.Decrypt")
      #expect(received.headers["content-type"] == "application/x-amz-json-1.1")
      #expect(received.headers["x-amz-security-token"] == "session-token")
      #expect(received.headers["host"] == String(endpoint.dropFirst("http://".count)))
      #expect(
        received.text
          == #"{"CiphertextBlob":"AQID","EncryptionContext":{"tacit:service":"vault","#
          + #""tacit:version":"1"},"KeyId":"\#(Self.arn)"}"#)
      let date = try #require(received.headers["x-amz-date"])
      let signed = AWSSignature.Request(
        method: "POST",
        headers: ["content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"]
          .map { ($0, received.headers[$0] ?? "") }, body: received.body)
      let parts = try #require(date.wholeMatch(of: /(....)(..)(..T..)(..)(..Z)/)).output
      let time = try #require(
        Timestamp(rfc3339: "\(parts.1)-\(parts.2)-\(parts.3):\(parts.4):\(parts.5)"))
      let signature = AWSSignature(
        credentials: try #require(AWSCredentials(variables: Self.variables)),
        region: "eu-central-1", service: "kms")
      #expect(
        try received.headers["authorization"] == signature.authorization(signed, at: time))
    }
  }

  @Test("credentials come from a file that its owner alone reads, anew at each call")
  func credentialsFile() async throws {
    let proxy = FaultProxy()
    let port = try await proxy.start { _ in Self.decrypted }
    try await withTemporaryDirectory { directory in
      let file = try directory.writePrivate(
        "aws",
        """
        [default]
        aws_access_key_id = AKIDDEFAULT
        aws_secret_access_key = one
        # a remark
        [tacit]
        aws_access_key_id=AKIDTACIT
        aws_secret_access_key=two
        """)
      func open(_ profile: String) throws -> any KeyManagementService {
        try openProvider(
          "aws-kms:\(Self.arn)?endpoint=http://127.0.0.1:\(port)&credentials-file=\(file.path())"
            + profile)
      }
      try await unwrap(open(""))
      let service = try open("&profile=tacit")
      try await unwrap(service)
      _ = try directory.writePrivate(
        "aws",
        """
        [tacit]
        aws_access_key_id = AKIDRENEWED
        aws_secret_access_key = three
        aws_session_token = token
        """)
      try await unwrap(service)
      let ids = proxy.received.compactMap {
        $0.headers["authorization"]?.split(separator: "/").first?.split(separator: "=").last
      }
      #expect(ids == ["AKIDDEFAULT", "AKIDTACIT", "AKIDRENEWED"])
      #expect(proxy.received.map { $0.headers["x-amz-security-token"] } == [nil, nil, "token"])

      let absent = try open("&profile=absent")
      #expect(
        await keyManagementError { try await unwrap(absent) }
          == .damaged(
            path: file.path(),
            reason: "[absent] has no aws_access_key_id and aws_secret_access_key"))
      try file.setMode(0o640)
      #expect(
        await keyManagementError { try await unwrap(service) }
          == .readableByOthers(path: file.path(), mode: 0o640))
      try FileManager.default.removeItem(at: file)
      #expect(
        await keyManagementError { try await unwrap(service) } == .missing(path: file.path()))
    }
    await proxy.stop()
  }

  @Test("no error holds the key, the credentials or the vendor's own words")
  func errorTexts() async throws {
    try await withProxy(deadlineMs: 60) { proxy, service, _ in
      for answer: LoopbackHTTPServer.Answer in [
        .aws("ThrottlingException"), .aws("AccessDeniedException"), .aws("DisabledException"),
        .aws("ValidationException"), .json(200, "{}"), .cut,
      ] {
        proxy.spoilAll(answer)
        let error = try #require(
          await keyManagementError {
            _ = try await service.wrap(
              SecretBytes(copying: Sample.key), context: Sample.context)
          })
        for text in ["\(error)", String(reflecting: error)] {
          for secret in [
            Base64.encode(Sample.key), Self.secret, "session-token", "an account's own words",
          ] {
            #expect(!text.contains(secret), "\(text)")
          }
        }
      }
    }
  }

  @Test(
    "a setting that is not complete says what is missing",
    arguments: [
      ("aws-kms:alias/tacit", "aws-kms: the key is named by its ARN"),
      ("aws-kms:arn:aws:kms:eu-central-1:1:alias/tacit", "aws-kms: the key is named by its ARN"),
      ("aws-kms:ARN?regoin=x", "aws-kms has no option \"regoin\""),
      ("aws-kms:ARN?region=a%2Fb", "is no region"),
      ("aws-kms:ARN?endpoint=http://kms.example", "aws-kms: endpoint is https://host:port"),
      ("aws-kms:ARN?endpoint=https://kms.example/path", "aws-kms: endpoint is https://host:port"),
      ("aws-kms:ARN", "there are no credentials: set AWS_ACCESS_KEY_ID"),
      ("aws-kms:ARN?ca-file=/nowhere/ca.pem&credentials-file=/x", "/nowhere/ca.pem holds no"),
    ])
  func settings(text: String, expected: String) async throws {
    let error = await keyManagementError {
      _ = try openProvider(text.replacing("ARN", with: Self.arn))
    }
    guard case .setting(let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(text.contains(expected), "\(text)")
  }
}
