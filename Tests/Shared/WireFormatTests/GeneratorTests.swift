import Foundation
import TestSupport
import Testing

/// Runs protoc and tacit-protogen on small schemas; skipped where protoc is not installed.
@Suite(
  "The generator",
  .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/protoc")))
struct GeneratorTests {
  struct Refusal: Sendable, CustomTestStringConvertible {
    var name: String
    var schema: String
    var line: Int
    var complaint: String
    var testDescription: String { name }
  }

  static let refusals: [Refusal] = [
    Refusal(
      name: "a message that holds itself",
      schema: "// M.\nmessage M {\n  // Itself.\n  M inner = 1;\n}", line: 7,
      complaint: "field M.inner makes tacit.bad.v1.M hold itself"),
    Refusal(
      name: "messages that hold each other",
      schema: """
        // A.
        message A {
          // B.
          B b = 1;
        }
        // B.
        message B {
          // A.
          repeated A a = 1;
        }
        """,
      line: 12, complaint: "field B.a makes tacit.bad.v1.A hold itself"),
    Refusal(
      name: "a map", schema: "// M.\nmessage M {\n  // A map.\n  map<string, string> m = 1;\n}",
      line: 7, complaint: "field M.m is a map"),
    Refusal(
      name: "a proto3 optional", schema: "// M.\nmessage M {\n  // O.\n  optional string o = 1;\n}",
      line: 7, complaint: "field M.o is a proto3 optional"),
    Refusal(
      name: "a message without a comment", schema: "message M {}", line: 4,
      complaint: "message M has no comment"),
    Refusal(
      name: "a field without a comment", schema: "// M.\nmessage M {\n  string text = 1;\n}",
      line: 6, complaint: "field M.text has no comment"),
    Refusal(
      name: "a method without a comment",
      schema: """
        service S {
          rpc Go(M) returns (M) { option (tacit.options.v1.scope) = "a"; }
        }
        // M.
        message M {}
        """,
      line: 5, complaint: "method tacit.bad.v1.S/Go has no comment"),
    Refusal(
      name: "a method without a scope",
      schema: """
        service S {
          // Goes.
          rpc Go(M) returns (M);
        }
        // M.
        message M {}
        """, line: 6,
      complaint: "method tacit.bad.v1.S/Go names no scope"),
    Refusal(
      name: "an inline method that streams",
      schema: """
        service S {
          // Goes.
          rpc Go(M) returns (stream M) {
            option (tacit.options.v1.scope) = "a";
            option (tacit.options.v1.inline) = true;
          }
        }
        // M.
        message M {}
        """,
      line: 6, complaint: "method tacit.bad.v1.S/Go is inline but not unary"),
    Refusal(
      name: "max_count on a single field",
      schema: """
        // M.
        message M {
          // T.
          string t = 1 [(tacit.options.v1.max_count) = 1];
        }
        """,
      line: 7, complaint: "field M.t has max_count but is not repeated"),
    Refusal(
      name: "max_bytes on a number",
      schema: """
        // M.
        message M {
          // N.
          int32 n = 1 [(tacit.options.v1.max_bytes) = 1];
        }
        """,
      line: 7, complaint: "field M.n has max_bytes but is neither string nor bytes"),
    Refusal(
      name: "a name that protobuf-c keeps for itself",
      schema: "// M.\nmessage M {\n  // B.\n  int32 base = 1;\n}", line: 7,
      complaint: "field M.base has a name that C cannot use"),
    Refusal(
      name: "a message that hides a Swift type", schema: "// A text.\nmessage String {}", line: 5,
      complaint: "a message named String hides a Swift type"),
    Refusal(
      name: "a message with the name of a wire message",
      schema: "import \"wire/v1/frame.proto\";\n// H.\nmessage Hello {}", line: 6,
      complaint: "message Hello has the name of a wire message"),
    Refusal(
      name: "two methods with one id",
      schema: """
        service S {
          // A.
          rpc \(collision.0)(M) returns (M) { option (tacit.options.v1.scope) = "a"; }
          // B.
          rpc \(collision.1)(M) returns (M) { option (tacit.options.v1.scope) = "a"; }
        }
        // M.
        message M {}
        """,
      line: 8,
      complaint: "method tacit.bad.v1.S/\(collision.1) has the id of tacit.bad.v1.S/\(collision.0)"),
  ]

  /// Two names of `tacit.bad.v1.S` with the same FNV-1a, found by search.
  static let collision = ("Ecegqcyaz", "Pzkeanhfs")

  @Test("refuses, with file and line,", arguments: refusals)
  func refuses(_ refusal: Refusal) async throws {
    let outcome = try await generate(refusal.schema)
    #expect(outcome.status == 1)
    #expect(outcome.complaints.contains("bad.proto:\(refusal.line): error: \(refusal.complaint)"))
    #expect(outcome.files.isEmpty)
  }

  @Test("refuses groups and required fields of proto2")
  func refusesProto2Leftovers() async throws {
    let outcome = try await generate(
      "// M.\nmessage M {\n  // R.\n  required string r = 1;\n  // G.\n  optional group G = 2 {}\n"
        + "  // D.\n  optional int32 d = 3 [default = 5];\n}",
      syntax: "proto2")
    #expect(outcome.complaints.contains("bad.proto:7: error: field M.r is required"))
    #expect(outcome.complaints.contains("bad.proto:9: error: field M.g is a group"))
    #expect(outcome.complaints.contains("bad.proto:11: error: field M.d has a default"))
  }

  @Test("names every problem at once")
  func allProblems() async throws {
    let outcome = try await generate("message A {}\nmessage B {}")
    #expect(outcome.complaints.split(separator: "\n").count == 2)
  }

  @Test("writes the same files every time")
  func deterministic() async throws {
    let schema = "// M.\nmessage M {\n  // A text.\n  string text = 1;\n}"
    let (first, second) = (try await generate(schema), try await generate(schema))
    #expect(first.status == 0, "\(first.complaints)")
    #expect(first.files == second.files)
    #expect(first.files.keys.sorted() == ["Protos/Generated/BadAPI/Bad.swift"])
  }

  // MARK: - Running it

  private struct Outcome {
    var status: Int32
    var complaints: String
    var files: [String: String]
  }

  private func generate(_ schema: String, syntax: String = "proto3") async throws -> Outcome {
    try await withTemporaryDirectory { directory in
      let text =
        "syntax = \"\(syntax)\";\npackage tacit.bad.v1;\n"
        + "import \"options/v1/options.proto\";\n" + schema + "\n"
      try text.write(to: directory.appending(path: "bad.proto"), atomically: true, encoding: .utf8)
      let protos = Repository.root.appending(path: "Protos").path
      let compiled = try run(
        URL(filePath: "/usr/bin/protoc"),
        [
          "-I", directory.path, "-I", protos, "-I", "/usr/include", "--include_imports",
          "--include_source_info", "--descriptor_set_out=\(directory.path)/set", "bad.proto",
        ])
      try #require(compiled.status == 0, "\(compiled.complaints)")
      let out = directory.appending(path: "out")
      let generator = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appending(path: "tacit-protogen")
      var outcome = try run(generator, ["\(directory.path)/set", out.path])
      for path in FileManager.default.subpaths(atPath: out.path) ?? [] {
        outcome.files[path] = try? String(contentsOf: out.appending(path: path), encoding: .utf8)
      }
      outcome.files = outcome.files.filter { $0.key.contains("BadAPI/") }
      return outcome
    }
  }

  private func run(_ executable: URL, _ arguments: [String]) throws -> Outcome {
    let process = Process()
    let complaints = Pipe()
    process.executableURL = executable
    process.arguments = arguments
    process.standardError = complaints
    try process.run()
    let text = complaints.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, complaints: String(decoding: text, as: UTF8.self),
      files: [:])
  }
}
