internal import Foundation
internal import KeyManagement

/// Who calls AWS.
struct AWSCredentials: Sendable {
  let accessKeyID: String
  let secret: SharedSecret
  /// There for credentials that last some hours only.
  let sessionToken: String?

  /// Where credentials come from. A file is read at each call, so that renewed ones count from the
  /// next call on.
  enum Source: Sendable {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    case variables(AWSCredentials)
    /// A file of mode 0600 in the form of AWS's own tools: `[profile]` and lines `name = value`.
    case file(URL, profile: String)

    func read() throws(KeyManagementError) -> AWSCredentials {
      switch self {
      case .variables(let credentials): credentials
      case .file(let url, let profile): try AWSCredentials(file: url, profile: profile)
      }
    }
  }

  init(accessKeyID: String, secret: String, sessionToken: String?) {
    self.accessKeyID = accessKeyID
    self.secret = SharedSecret(secret)
    self.sessionToken = sessionToken
  }

  /// The credentials in `variables`, or `nil` where there are none.
  init?(variables: [String: String]) {
    func value(_ name: String) -> String? {
      variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    guard let id = value("AWS_ACCESS_KEY_ID"), let secret = value("AWS_SECRET_ACCESS_KEY"),
      Self.isPlain(id), Self.isPlain(secret)
    else { return nil }
    let token = value("AWS_SESSION_TOKEN")
    guard token.map(Self.isPlain) ?? true else { return nil }
    self.init(accessKeyID: id, secret: secret, sessionToken: token)
  }

  init(file url: URL, profile: String) throws(KeyManagementError) {
    let path = url.path(percentEncoded: false)
    let text = String(decoding: try PrivateFile.read(url), as: UTF8.self)
    var isInProfile = false
    var values: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("[") {
        isInProfile = line == "[\(profile)]"
      } else if isInProfile, let equals = line.firstIndex(of: "="), !line.hasPrefix("#") {
        let name = line[..<equals].trimmingCharacters(in: .whitespaces)
        values[name] = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
      }
    }
    guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"],
      !id.isEmpty, !secret.isEmpty
    else {
      throw .damaged(
        path: path,
        reason: "[\(profile)] has no aws_access_key_id and aws_secret_access_key")
    }
    let token = values["aws_session_token"]
    guard Self.isPlain(id), Self.isPlain(secret), token.map(Self.isPlain) ?? true else {
      throw .damaged(path: path, reason: "credentials are printable ASCII")
    }
    self.init(accessKeyID: id, secret: secret, sessionToken: token)
  }

  // A control character would end the header that they are sent in.
  private static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }
}
