internal import Foundation
internal import PrivacyCore
internal import SealedStore

// What `make bench-store` runs for the sealed store: one command, one line of JSON.
//
//     store-bench load DIRECTORY --rows N
//     store-bench writes DIRECTORY --rows N [--callers N] [--warmup-ms T] [--measure-ms T]
//     store-bench gets DIRECTORY --rows N [--threads N] [--per-read N] [--measure-ms T]
//     store-bench tail DIRECTORY --rows N        leaves N rows in the journal alone, then dies
//     store-bench replay DIRECTORY               opens what `tail` left
//     store-bench reseal DIRECTORY --rows N      seals what is loaded under a second key
//     store-bench crypto                         seal and open of 100 bytes, a pid from its bytes

@main
enum StoreBench {
  static func main() async throws {
    let arguments = try Arguments(CommandLine.arguments.dropFirst())
    switch arguments.command {
    case "load": try await Loading.load(arguments)
    case "writes": try await Writing.run(arguments)
    case "gets": try Reading.run(arguments)
    case "tail": try await Replaying.leaveTail(arguments)
    case "replay": try Replaying.run(arguments)
    case "reseal": try await Resealing.run(arguments)
    case "crypto": try Pieces.run(arguments)
    default: throw UsageError(text: "unknown command \(arguments.command)")
    }
  }
}

struct UsageError: Error, CustomStringConvertible {
  let text: String
  var description: String { text }
}

/// `COMMAND [DIRECTORY] [--name number]…`
struct Arguments {
  let command: String
  let directory: URL
  private var numbers: [String: Int] = [:]

  init(_ words: some Collection<String>) throws(UsageError) {
    var words = words[...]
    command = words.popFirst() ?? ""
    let hasDirectory = words.first.map { !$0.hasPrefix("--") } ?? false
    directory = URL(filePath: (hasDirectory ? words.popFirst() : nil) ?? ".")
    while let name = words.popFirst() {
      guard name.hasPrefix("--"), let number = words.popFirst().flatMap({ Int($0) }), number >= 0
      else { throw UsageError(text: "\(name) wants a number") }
      numbers[String(name.dropFirst(2))] = number
    }
  }

  func number(_ name: String, default standard: Int) -> Int { numbers[name] ?? standard }
}

/// Prints `{"name": number, …}`.
func printReport(_ values: KeyValuePairs<String, Double>) {
  let members = values.map { "\"\($0.key)\": \(String(format: "%.4f", $0.value))" }
  print("{\(members.joined(separator: ", "))}")
}

extension Duration {
  var seconds: Double { self / .seconds(1) }
}
