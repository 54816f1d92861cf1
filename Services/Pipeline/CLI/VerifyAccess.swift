internal import AccessPack
internal import ArgumentParser
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// `tacit verify access`.
struct VerifyAccess: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "access",
    abstract: "Check the pack that answers a person's access request.",
    discussion: """
      Every record is compared with what its service signed, every access with the service's log, \
      the page and the manifest with the records. Name the keys of all five logs. Exit 0 where all \
      of it holds; a pack that says itself that something is missing needs --partial.

      Example: tacit verify access pack-17 --policy policy.txt
      """)

  @Argument(help: "The directory of the pack.") var directory: String
  @OptionGroup var trust: PolicyOptions
  @Flag(help: "A pack in which services are missing will do.") var partial = false
  @Flag(help: "Print JSON, for scripts.") var json = false

  private struct View: Encodable {
    struct Service: Encodable {
      let service: String
      let log: String
      let entry: UInt64
      let loggedAt: String
      let recordCount: Int

      enum CodingKeys: String, CodingKey {
        case service, log, entry
        case loggedAt = "logged_at"
        case recordCount = "record_count"
      }
    }

    let ticket: String
    let madeAt: String
    let pids: [String]
    let isComplete: Bool
    let missing: [String]
    let services: [Service]

    enum CodingKeys: String, CodingKey {
      case ticket, pids, missing, services
      case madeAt = "made_at"
      case isComplete = "complete"
    }
  }

  func run() async throws {
    let policy = try trust.read()
    let files = try AccessDirectory(URL(filePath: directory)).read()
    let (pack, services) = try AccessVerifier(policy: policy).verify(
      json: files.json, page: files.page, manifest: files.manifest)
    guard partial || pack.isComplete else {
      throw CommandFailure(
        "not complete: nothing is in it of \(pack.missing.map(\.service).joined(separator: ", "))")
    }
    let view = View(
      ticket: pack.ticket, madeAt: pack.madeAt.description, pids: pack.pids.map(\.description),
      isComplete: pack.isComplete, missing: pack.missing.map(\.service),
      services: services.map {
        View.Service(
          service: $0.service, log: $0.origin, entry: $0.entry,
          loggedAt: $0.loggedAt.description, recordCount: $0.recordCount)
      })
    if json { return try printJSON(view) }
    print("ticket \(view.ticket), made at \(view.madeAt)")
    for pid in view.pids { print("person \(pid)") }
    var table = Table("service", "records", "logged at", "entry")
    for service in services {
      table.add(
        service.service, "\(service.recordCount)", service.loggedAt.description,
        "\(service.entry)")
    }
    table.show()
    for missing in pack.missing { print("missing: \(missing.service): \(missing.reason)") }
    print("nothing is wrong")
  }
}
