import Foundation
import PrivacyCore
import Testing

@testable import KeyManagementProviders

@Suite("AWS Signature Version 4")
struct AWSSignatureTests {
  private struct Published: Decodable {
    struct Case: Decodable, CustomStringConvertible {
      let name: String
      let method: String
      let path: String
      let query: [[String]]
      let headers: [[String]]
      let body: String
      let canonicalRequest: String
      let stringToSign: String
      let authorization: String

      var description: String { name }
    }

    let accessKeyId: String
    let secretAccessKey: String
    let region: String
    let service: String
    let at: String
    let cases: [Case]
  }

  private struct Botocore: Decodable {
    struct Case: Decodable {
      let name: String
      let accessKeyId: String
      let secretAccessKey: String
      let sessionToken: String?
      let region: String
      let at: String
      let target: String
      let body: String
      let host: String
      let authorization: String
    }

    let cases: [Case]
  }

  private func load<Value: Decodable>(_ name: String) throws -> Value {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Vectors/aws-sigv4/\(name)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Value.self, from: Data(contentsOf: url))
  }

  @Test("the published vectors hold: canonical request, string to sign and signature")
  func published() throws {
    let vectors: Published = try load("published.json")
    #expect(vectors.cases.count == 34)
    let signature = AWSSignature(
      credentials: AWSCredentials(
        accessKeyID: vectors.accessKeyId, secret: vectors.secretAccessKey, sessionToken: nil),
      region: vectors.region, service: vectors.service)
    let at = try #require(Timestamp(rfc3339: vectors.at))
    for vector in vectors.cases {
      func pair(_ texts: [String]) throws -> (name: String, value: String) {
        let decoded = texts.compactMap(\.removingPercentEncoding)
        try #require(decoded.count == 2)
        return (decoded[0], decoded[1])
      }
      let request = AWSSignature.Request(
        method: vector.method, path: vector.path, query: try vector.query.map(pair),
        headers: vector.headers.map { ($0[0], $0[1]) }, body: Array(vector.body.utf8))
      #expect(
        try AWSSignature.canonicalRequest(request) == vector.canonicalRequest, "\(vector)")
      #expect(try signature.stringToSign(request, at: at) == vector.stringToSign, "\(vector)")
      #expect(try signature.authorization(request, at: at) == vector.authorization, "\(vector)")
    }
  }

  @Test("requests of the KMS are signed as botocore signs them")
  func botocore() throws {
    let vectors: Botocore = try load("botocore.json")
    #expect(vectors.cases.count == 64)
    for vector in vectors.cases {
      let signature = AWSSignature(
        credentials: AWSCredentials(
          accessKeyID: vector.accessKeyId, secret: vector.secretAccessKey,
          sessionToken: vector.sessionToken), region: vector.region, service: "kms")
      let at = try #require(Timestamp(rfc3339: vector.at))
      var headers: [(name: String, value: String)] = [
        ("Host", vector.host), ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Date", AWSSignature.basicTime(at)), ("X-Amz-Target", vector.target),
      ]
      if let token = vector.sessionToken { headers.append(("X-Amz-Security-Token", token)) }
      let request = AWSSignature.Request(
        method: "POST", headers: headers, body: Array(vector.body.utf8))
      #expect(
        try signature.authorization(request, at: at) == vector.authorization, "\(vector.name)")
    }
  }
}
