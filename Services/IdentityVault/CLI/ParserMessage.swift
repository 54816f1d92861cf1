internal import ArgumentParser
internal import Foundation
internal import ServiceKit

/// What the parser says of a command line that it does not understand, without the words that may
/// be identifiers: it would repeat them, and messages end up in logs.
enum ParserMessage {
  /// Returns where the command line is understood or asks for help; else says why it is not, and
  /// exits.
  static func exitWhereNotUnderstood(_ command: any ParsableCommand.Type) {
    do {
      _ = try command.parseAsRoot()
    } catch {
      guard command.exitCode(for: error) == .validationFailure else { return }
      let message = command.fullMessage(for: error)
      standardError(withoutValues(message, arguments: CommandLine.arguments.dropFirst()))
      exit(ExitStatus.usage)
    }
  }

  /// The message without those of the arguments that are not names of commands or options.
  static func withoutValues(_ message: String, arguments: some Sequence<String>) -> String {
    arguments.flatMap(words).filter { !isName($0) }.reduce(message) { message, word in
      message.replacing("'\(word)'", with: "'<redacted>'")
    }
  }

  /// An argument, and what stands behind its equals sign.
  private static func words(_ argument: String) -> [String] {
    [argument] + argument.split(separator: "=", maxSplits: 1).dropFirst().map(String.init)
  }

  private static func isName(_ word: String) -> Bool {
    word.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (0x61...0x7A).contains($0) }
  }
}
