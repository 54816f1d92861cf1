package import Foundation
package import ServiceKit

/// How the services of a compose file run as plain processes on this machine.
package struct StackPlan: Sendable {
  /// One process.
  package struct Process: Sendable {
    package let service: WellKnownService
    package let program: URL
    package let arguments: [String]
    package let environment: [String: String]
    package let port: Int
  }

  /// The processes, in the order of the file.
  package let processes: [Process]

  /// Translates `file`: volumes become folders of `root`, host names become 127.0.0.1, and each
  /// service listens on the port that `ports` says, or on that of the file.
  package init(
    _ file: ComposeFile, root: URL, programs: URL, ports: [WellKnownService: Int] = [:]
  ) throws {
    let portByService = Dictionary(
      uniqueKeysWithValues: file.services.map { ($0.service, ports[$0.service] ?? $0.port) })
    processes = try file.services.map { service in
      let program = programs.appending(path: service.command[0])
      guard FileManager.default.isExecutableFile(atPath: program.path) else {
        throw CommandFailure("\(program.path) is not there; build it with `make release`")
      }
      return Process(
        service: service.service, program: program, arguments: Array(service.command.dropFirst()),
        environment: service.environment.mapValues {
          Self.translate($0, volumes: service.volumeByPath, root: root, ports: portByService)
        },
        port: portByService[service.service] ?? service.port)
    }
  }

  /// A path inside a volume becomes one below `root`; `host:port` of a service becomes its
  /// address on this machine; everything else stays.
  private static func translate(
    _ value: String, volumes: [String: String], root: URL, ports: [WellKnownService: Int]
  ) -> String {
    for (path, volume) in volumes where value == path || value.hasPrefix(path + "/") {
      return root.appending(path: volume).path + value.dropFirst(path.count)
    }
    let parts = value.split(separator: ":").map(String.init)
    guard parts.count == 2, let port = Int(parts[1]) else { return value }
    if let service = WellKnownService(rawValue: parts[0]) {
      return "127.0.0.1:\(ports[service] ?? port)"
    }
    guard parts[0] == "0.0.0.0",
      let service = WellKnownService.allCases.first(where: { $0.defaultPort == port })
    else { return value }
    return "127.0.0.1:\(ports[service] ?? port)"
  }
}
