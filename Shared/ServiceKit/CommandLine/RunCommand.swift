public import ArgumentParser
internal import Foundation
internal import PrivacyCore
internal import RPC

/// What a program of ours exits with.
public enum ExitStatus {
  /// Done.
  public static let done: Int32 = 0
  /// Refused or failed: the message says which.
  public static let failed: Int32 = 1
  /// The command was not understood.
  public static let usage: Int32 = 2
}

/// A failure with a message for people that needs no stack of causes.
public struct CommandFailure: Error, CustomStringConvertible {
  /// What went wrong and what to do about it.
  public let description: String

  /// A failure that is reported as `message`.
  public init(_ message: String) { description = message }
}

/// Runs a program: parses its arguments, runs the command, reports what went wrong on standard
/// error and exits with a status of `ExitStatus`.
public func runCommand(_ command: any AsyncParsableCommand.Type) async -> Never {
  do {
    var parsed = try await command.asyncParseAsRoot()
    if var asynchronous = parsed as? any AsyncParsableCommand {
      try await asynchronous.run()
    } else {
      try parsed.run()
    }
    exit(ExitStatus.done)
  } catch {
    exit(report(error, of: command))
  }
}

private func report(_ error: any Error, of command: any ParsableCommand.Type) -> Int32 {
  switch command.exitCode(for: error) {
  case .success:
    print(wrappedUsage(command.fullMessage(for: error)))
    return ExitStatus.done
  case .validationFailure:
    standardError(
      withoutIdentifiers(
        wrappedUsage(command.fullMessage(for: error)), arguments: CommandLine.arguments))
    return ExitStatus.usage
  default:
    // A command that has said everything already throws a bare exit code.
    if let status = error as? ExitCode { return status.rawValue }
    standardError("\(command.commandName): \(text(of: error))")
    return ExitStatus.failed
  }
}

/// The message with its line of usage in lines of at most 80 columns, as the rest of a help page is;
/// an option stays beside its value.
package func wrappedUsage(_ message: String) -> String {
  message.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    guard line.lowercased().hasPrefix("usage: "), line.count > 80 else { return String(line) }
    var lines: [String] = []
    var current = ""
    for part in usageParts(of: line) {
      if current.count + 1 + part.count > 80, !current.isEmpty {
        lines.append(current)
        current = "  "
      }
      current += current.isEmpty || current == "  " ? part : " " + part
    }
    return (lines + [current]).joined(separator: "\n")
  }.joined(separator: "\n")
}

/// The words of a line of usage, with a value behind its option and all of a bracket together.
private func usageParts(of line: Substring) -> [String] {
  var parts: [String] = []
  for word in line.split(separator: " ") {
    let last = parts.last ?? ""
    let isOpen = last.filter { $0 == "[" }.count > last.filter { $0 == "]" }.count
    let isValue = last.hasPrefix("--") && !last.contains(" ") && word.hasPrefix("<")
    if isOpen || isValue || word == "..." {
      parts[parts.count - 1] = last + " " + word
    } else {
      parts.append(String(word))
    }
  }
  return parts
}

/// What the parser says of a command line, without those of its values that may identify a person:
/// whatever was given for a pid, and what looks like an identifier.
package func withoutIdentifiers(_ message: String, arguments: [String]) -> String {
  var message = message
  for (index, argument) in arguments.enumerated().dropFirst() {
    // Also `--pid=value`.
    let words =
      argument.hasPrefix("--") ? argument.split(separator: "=", maxSplits: 1) : [argument[...]]
    guard let value = words.last else { continue }
    let isPid = words.count == 2 ? words[0] == "--pid" : arguments[index - 1] == "--pid"
    guard isPid || IdentifierGuard.finding(in: value) != nil else { continue }
    message = message.replacing("'\(value)'", with: "'<redacted>'")
  }
  return message
}

/// The sentence for people in an error of any module.
public func text(of error: any Error) -> String {
  if let refused = error as? RPCError, !refused.message.isEmpty { return refused.message }
  return "\(error)"
}

/// Writes a line to standard error.
public func standardError(_ line: String) {
  FileHandle.standardError.write(Data((line + "\n").utf8))
}

extension ParsableCommand {
  fileprivate static var commandName: String {
    configuration.commandName ?? String(describing: self).lowercased()
  }
}
