internal import Foundation

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
    let files = try SchemaReader.files(in: [UInt8](Data(contentsOf: descriptors)))
      .filter { $0.package.hasPrefix("tacit.") }
    try SchemaRules.check(files)
    let types = try TypeTable(files)
    for file in files {
      guard let module = try SwiftModule(package: file.package) else { continue }
      for (path, text) in try FileWriter(file: file, module: module, types: types).outputs() {
        let url = root.appendingPathComponent(path)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
      }
    }
  }
}
