internal import Cryptography
internal import PrivacyCore

/// Signs requests as AWS asks for: Signature Version 4 (AWS General Reference, "Create a signed AWS
/// API request").
struct AWSSignature {
  /// The parts of a request that are signed.
  struct Request {
    var method: String
    /// Not percent-encoded.
    var path: String = "/"
    /// Not percent-encoded.
    var query: [(name: String, value: String)] = []
    /// All of them are signed.
    var headers: [(name: String, value: String)]
    var body: [UInt8] = []
  }

  let credentials: AWSCredentials
  let region: String
  let service: String

  /// The time as headers and scopes have it: `20150830T123600Z`.
  static func basicTime(_ time: Timestamp) -> String {
    let text = Timestamp(seconds: time.microseconds / 1_000_000).description
    return text.filter { $0 != "-" && $0 != ":" }
  }

  /// The value of the `Authorization` header.
  func authorization(
    _ request: Request, at time: Timestamp
  ) throws(CryptographyError) -> String {
    let signature = Hexadecimal.encode(
      try Self.code(signingKey(at: time), try stringToSign(request, at: time)))
    return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope(at: time)), "
      + "SignedHeaders=\(Self.signedHeaders(request)), Signature=\(signature)"
  }

  func stringToSign(_ request: Request, at time: Timestamp) throws(CryptographyError) -> String {
    let hash = Hexadecimal.encode(
      try Digest.sha256(Array(Self.canonicalRequest(request).utf8)))
    return ["AWS4-HMAC-SHA256", Self.basicTime(time), scope(at: time), hash]
      .joined(separator: "\n")
  }

  static func canonicalRequest(_ request: Request) throws(CryptographyError) -> String {
    let headers = canonicalHeaders(request).map { "\($0.name):\($0.value)\n" }.joined()
    return [
      request.method, canonicalPath(request.path), canonicalQuery(request.query), headers,
      signedHeaders(request), Hexadecimal.encode(try Digest.sha256(request.body)),
    ].joined(separator: "\n")
  }

  // MARK: - Parts

  private func scope(at time: Timestamp) -> String {
    "\(Self.basicTime(time).prefix(8))/\(region)/\(service)/aws4_request"
  }

  private func signingKey(at time: Timestamp) throws(CryptographyError) -> [UInt8] {
    let first = Array("AWS4".utf8) + Array(credentials.secret.text.utf8)
    var key = first
    for part in [String(Self.basicTime(time).prefix(8)), region, service, "aws4_request"] {
      key = try Self.code(key, part)
    }
    return key
  }

  private static func code(_ key: [UInt8], _ text: String) throws(CryptographyError) -> [UInt8] {
    try HMACKey(secret: SecretBytes(copying: key)).authenticate(Array(text.utf8))
  }

  private static func signedHeaders(_ request: Request) -> String {
    canonicalHeaders(request).map(\.name).joined(separator: ";")
  }

  /// Names in lower case and ascending; values without outer spaces, inner ones made one; equal
  /// names joined in the order they stand in.
  private static func canonicalHeaders(
    _ request: Request
  ) -> [(name: String, value: String)] {
    var values: [String: [String]] = [:]
    for (name, value) in request.headers {
      let words = value.split { $0 == " " || $0 == "\t" }
      values[name.lowercased(), default: []].append(words.joined(separator: " "))
    }
    return values.sorted { $0.key < $1.key }
      .map { (name: $0.key, value: $0.value.joined(separator: ",")) }
  }

  private static func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
    query.map { (encode($0.name), encode($0.value)) }.sorted { $0 < $1 }
      .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  /// The path without empty and dot segments, each segment percent-encoded.
  private static func canonicalPath(_ path: String) -> String {
    var segments: [Substring] = []
    for segment in path.split(separator: "/") where segment != "." {
      if segment == ".." {
        _ = segments.popLast()
      } else {
        segments.append(segment)
      }
    }
    let end = path.hasSuffix("/") && !segments.isEmpty ? "/" : ""
    return "/" + segments.map { encode(String($0)) }.joined(separator: "/") + end
  }

  /// Everything but the unreserved characters of RFC 3986, section 2.3.
  private static func encode(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        bytes.append(byte)
      default:
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
