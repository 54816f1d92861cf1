internal import ArgumentParser
internal import ConsentAPI
internal import ConsentVerifier
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// `certificate`: what proves an erasure.
struct CertificateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certificate",
    abstract: "Write the certificate of an erasure; exit 1 while a store is missing.",
    discussion: """
      The file holds what every store said that it did, each signed with its own log's key, the \
      consent service's certificate of it, and the proof that the erasure is in the consent log. \
      `tacit verify certificate` checks it offline.

      Example: tacit-consent certificate --pid PID --out certificate.json
      """)

  @OptionGroup var person: PersonOption
  @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
  var out = "certificate.json"
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let file: String
    let stores: [String]
  }

  func run() async throws {
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).erasureCertificate(
        CertificateRequest(pid: person.pid.bytes), options: client.callOptions)
    }
    let file = try CertificateOutput.write(reply, to: out)
    if client.json {
      return try printJSON(Answer(file: out, stores: file.stores.map(\.service)))
    }
    print("wrote \(out)")
    for line in file.lines { print(line) }
  }
}

/// How commands write and show certificates.
enum CertificateOutput {
  /// Writes the file of a certificate.
  ///
  /// - Throws: `CommandFailure` naming the stores that are missing where there is none yet.
  static func write(_ reply: CertificateReply, to path: String) throws -> ErasureCertificateFile {
    guard !reply.certificate.isEmpty else {
      throw CommandFailure(
        "there is no certificate yet: \(reply.missing.joined(separator: ", ")) did not say what "
          + "was done; the erasure is in force all the same")
    }
    let file = try ErasureCertificateFile(
      certificate: reply.certificate, statements: reply.statements, evidence: reply.evidence)
    do {
      try Data(file.json()).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CommandFailure("\(path) cannot be written")
    }
    return file
  }
}
