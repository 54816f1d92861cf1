package import Foundation
package import ServiceKit
internal import Yams

/// The part of `docker-compose.yml` that plain processes need: programs, environments, volumes and
/// ports. One file drives both ways of running the stack.
package struct ComposeFile: Sendable {
  /// One service of the stack, as the file has it.
  package struct Service: Sendable {
    package let service: WellKnownService
    /// The program and its arguments.
    package let command: [String]
    package let environment: [String: String]
    /// Where volumes stand inside a container: path to volume name.
    package let volumeByPath: [String: String]
    /// The port inside the container, which is also the default one outside.
    package let port: Int
  }

  /// The five services, in the order of the file.
  package let services: [Service]

  /// Reads the file at `url`.
  package init(contentsOf url: URL) throws {
    guard let text = try? String(contentsOf: url, encoding: .utf8) else {
      throw CommandFailure("cannot read \(url.path); run this where docker-compose.yml is")
    }
    try self.init(yaml: text)
  }

  /// Reads the text of the file.
  package init(yaml: String) throws {
    let document: Document
    do {
      document = try YAMLDecoder().decode(Document.self, from: yaml)
    } catch {
      throw CommandFailure("docker-compose.yml is not as expected: \(error)")
    }
    services = try WellKnownService.allCases.map { service in
      guard let block = document.services[service.rawValue] else {
        throw CommandFailure("docker-compose.yml has no service \(service.rawValue)")
      }
      return try Service(service, block)
    }
  }
}

extension ComposeFile.Service {
  fileprivate init(_ service: WellKnownService, _ block: ComposeFile.Document.Block) throws {
    guard let environment = block.environment, !block.command.isEmpty,
      let listen = environment["TACIT_LISTEN"], let colon = listen.lastIndex(of: ":"),
      let port = Int(listen[listen.index(after: colon)...])
    else {
      throw CommandFailure(
        "docker-compose.yml: \(service.rawValue) needs a command and TACIT_LISTEN: host:port")
    }
    self.service = service
    self.port = port
    self.environment = environment
    command = block.command
    var volumes: [String: String] = [:]
    for volume in block.volumes ?? [] {
      let parts = volume.split(separator: ":").map(String.init)
      guard parts.count >= 2 else {
        throw CommandFailure("docker-compose.yml: \(service.rawValue): \"\(volume)\" is no volume")
      }
      volumes[parts[1]] = parts[0]
    }
    volumeByPath = volumes
  }
}

extension ComposeFile {
  fileprivate struct Document: Decodable {
    struct Block: Decodable {
      var command: [String]
      var environment: [String: String]?
      var volumes: [String]?
    }
    var services: [String: Block]
  }
}
