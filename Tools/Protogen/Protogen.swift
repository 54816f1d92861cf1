internal import Foundation
internal import PrivacyCore
internal import SchemaModel

/// Writes the Swift of the schemas: `tacit-protogen <descriptor set> <root of the repository>`.
/// The descriptor set is what `protoc --include_imports --include_source_info` writes.
@main enum Protogen {
  static func main() {
    do {
      let arguments = CommandLine.arguments
      guard arguments.count == 3 else {
        throw SchemaError("usage: tacit-protogen <descriptor set> <root of the repository>")
      }
      try run(
        descriptors: URL(fileURLWithPath: arguments[1]), root: URL(fileURLWithPath: arguments[2]))
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(1)
    }
  }

  private static func run(descriptors: URL, root: URL) throws {
    let set = try [UInt8](Data(contentsOf: descriptors))
    let files = try SchemaReader.files(in: set, byteCountMax: .max)
      .filter { $0.package.hasPrefix("tacit.") }
    try SchemaRules.check(files)
    let types = try TypeTable(files)
    for file in files {
      guard let module = try SwiftModule(package: file.package) else { continue }
      for (path, text) in try FileWriter(file: file, module: module, types: types).outputs() {
        try write(text, to: root.appendingPathComponent(path))
      }
    }
    for embedding in Embedding.all {
      try write(try embedding.text(of: set), to: root.appendingPathComponent(embedding.path))
    }
  }

  private static func write(_ text: String, to url: URL) throws {
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }
}
