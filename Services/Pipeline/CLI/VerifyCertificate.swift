internal import ArgumentParser
internal import ConsentVerifier
internal import Foundation
internal import Pipeline
internal import ServiceKit

/// `tacit verify certificate`.
struct VerifyCertificate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certificate", abstract: "Check the certificate of an erasure.",
    discussion: """
      The file is what `tacit-consent certificate` wrote. The keys of the logs of every store that \
      it names are needed: a policy with all of them, or --log-key once each.

      Example: tacit verify certificate certificate.json --policy policy.txt
      """)

  @Argument(help: "The file with the certificate.") var file: String
  @OptionGroup var trust: PolicyOptions
  @Option(help: "A store that must be in it; may be given several times.") var store: [String] = []
  @Flag(help: "Print JSON, for scripts.") var json = false

  func run() async throws {
    let policy = try trust.read()
    let bytes = try LogDirectory.bytes(
      of: URL(filePath: file), limit: ErasureCertificateFile.byteCountMax)
    let certificate: ErasureCertificateFile
    do throws(EvidenceFault) {
      certificate = try ErasureCertificateFile(json: bytes)
      try ErasureVerifier(policy: policy).verify(certificate)
    } catch {
      throw CommandFailure("\(file) certifies nothing: \(error)")
    }
    if let missing = store.first(where: { name in
      !certificate.stores.contains { $0.service == name }
    }) {
      throw CommandFailure("\(file) does not speak of \(missing)")
    }
    if json { return try printJSON(View(certificate)) }
    for line in certificate.lines { print(line) }
    print("nothing is wrong")
  }

  private struct View: Encodable {
    let person: String
    let inForceAt: String
    let ground: String
    let stores: [ErasureCertificateFile.Store]
    let models: [ErasureCertificateFile.Model]
    let kept: [ErasureCertificateFile.Kept]

    init(_ file: ErasureCertificateFile) {
      person = file.person
      inForceAt = file.inForceAt
      ground = file.ground
      stores = file.stores
      models = file.models
      kept = file.kept
    }

    enum CodingKeys: String, CodingKey {
      case person, ground, stores, models, kept
      case inForceAt = "in_force_at"
    }
  }
}
