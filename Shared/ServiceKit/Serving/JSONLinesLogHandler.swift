internal import Foundation
public import Logging
public import PrivacyCore
internal import Synchronization

/// Writes each log message as one JSON object on a line of standard error:
/// `{"time":…,"level":…,"service":…,"message":…,…metadata}`.
///
/// Only texts that the program itself wrote get here: values of people are `Redacted`, and a
/// metadata value that looks like a direct identifier is replaced all the same.
public struct JSONLinesLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  public var logLevel: Logger.Level

  private let service: String
  private let time: any TimeSource
  private let output: LineOutput

  /// A handler for `service` that drops what is below `level`.
  public init(service: String, level: Logger.Level, time: any TimeSource = SystemTime()) {
    self.init(service: service, level: level, time: time, output: .standardError)
  }

  package init(
    service: String, level: Logger.Level, time: any TimeSource, output: LineOutput
  ) {
    self.service = service
    logLevel = level
    self.time = time
    self.output = output
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var object: [String: String] = [:]
    let added = event.metadata ?? [:]
    for (key, value) in metadata.merging(added, uniquingKeysWith: { $1 }) {
      object[key] = Self.redacted("\(value)")
    }
    object["time"] = time.now.description
    object["level"] = event.level.rawValue
    object["service"] = service
    object["message"] = Self.redacted(event.message.description)
    guard
      let line = try? JSONSerialization.data(
        withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    else { return }
    output.write([UInt8](line) + [UInt8(ascii: "\n")])
  }

  private static func redacted(_ text: String) -> String {
    IdentifierGuard.finding(in: text).map { "<redacted: \($0.rawValue)>" } ?? text
  }
}

/// Where lines go: whole lines, one after the other.
package final class LineOutput: Sendable {
  /// The process's standard error.
  package static let standardError = LineOutput { line in
    FileHandle.standardError.write(Data(line))
  }

  private let sink: Mutex<@Sendable ([UInt8]) -> Void>

  package init(_ sink: @escaping @Sendable ([UInt8]) -> Void) { self.sink = Mutex(sink) }

  package func write(_ line: [UInt8]) { sink.withLock { $0(line) } }
}
