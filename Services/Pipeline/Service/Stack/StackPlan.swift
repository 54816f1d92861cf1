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

    /// The same with other settings.
    package func changing(_ changes: [String: String]) -> Process {
      Process(
        service: service, program: program, arguments: arguments,
        environment: environment.merging(changes) { $1 }, port: port)
    }
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
          Self.translate($0, of: service, root: root, ports: portByService)
        },
        port: portByService[service.service] ?? service.port)
    }
  }

  /// A path inside a volume, also behind `file:`, becomes one below `root`; `host:port` of a service
  /// becomes its address on this machine; everything else stays.
  private static func translate(
    _ value: String, of service: ComposeFile.Service, root: URL, ports: [WellKnownService: Int]
  ) -> String {
    let filePrefix = "file:"
    if value.hasPrefix(filePrefix) {
      let path = String(value.dropFirst(filePrefix.count))
      return filePrefix + translate(path, of: service, root: root, ports: ports)
    }
    // A volume may stand inside another one's path: the longest path is the one that counts.
    let volume = service.volumeByPath
      .filter { path, _ in value == path || value.hasPrefix(path + "/") }
      .max { $0.key.utf8.count < $1.key.utf8.count }
    if let volume {
      return root.appending(path: volume.value).path + value.dropFirst(volume.key.count)
    }
    let parts = value.split(separator: ":").map(String.init)
    guard parts.count == 2, let port = Int(parts[1]) else { return value }
    if let peer = WellKnownService(rawValue: parts[0]) {
      return "127.0.0.1:\(ports[peer] ?? port)"
    }
    // All addresses of a container are its own network; here they would be everybody's.
    guard parts[0] == "0.0.0.0" else { return value }
    return "127.0.0.1:\(port == service.port ? ports[service.service] ?? port : port)"
  }
}
