internal import SchemaModel

/// Where the Swift of a package goes.
struct SwiftModule {
  /// The module's name: `ConsentAPI`.
  var name: String
  /// The folder, below the root of the repository.
  var folder: String

  /// The envelope's own messages are part of the module that carries the others.
  var isWireFormat: Bool { name == "WireFormat" }

  /// The module of a package `tacit.<name>.v1`; nil for packages that have no Swift.
  init?(package: String) throws {
    let parts = package.split(separator: ".").map(String.init)
    guard parts.first == "tacit" else { return nil }
    guard parts.count == 3, parts[2].hasPrefix("v") else {
      throw SchemaError("package \(package) is not of the form tacit.<name>.v<number>")
    }
    switch parts[1] {
    case "options": return nil
    case "wire": self.init(name: "WireFormat", folder: "Shared/WireFormat/Generated")
    case "testing":
      self.init(name: "WireTestSupport", folder: "Tests/SupportWire/Generated")
    default:
      let version = parts[2] == "v1" ? "" : parts[2].uppercased()
      let name = parts[1].prefix(1).uppercased() + parts[1].dropFirst() + "API" + version
      self.init(name: name, folder: "Protos/Generated/\(name)")
    }
  }

  private init(name: String, folder: String) {
    self.name = name
    self.folder = folder
  }

  /// Names that the written code uses without a module, so that no message may have them.
  static let reservedTypeNames: Set<String> = [
    "Any", "Array", "Bool", "CallContext", "CallOptions", "ClientStream", "Double", "Equatable",
    "Error", "Float", "Int32", "Int64", "MethodDescriptor", "Mirror", "Never", "Optional",
    "Protocol", "RPCClient", "RPCError", "ReplyStream", "ReplyWriter", "RequestStream", "Result",
    "Router", "Self", "Sendable", "String", "Type", "UInt32", "UInt64", "UInt8", "UnpackLimit",
    "UnsafeRawBufferPointer", "WireError", "WireMessage",
  ]
}

/// Where every message and enum of all files has its Swift name.
struct TypeTable {
  private struct Entry {
    var module: String
    var path: [String]
  }

  private var entries: [String: Entry] = [:]
  private var zeroCases: [String: String] = [:]
  private var nestedNames: [String: Set<String>] = [:]

  init(_ files: [SchemaFile]) throws {
    for file in files {
      guard let module = try SwiftModule(package: file.package) else { continue }
      for message in file.allMessages {
        entries[message.fullName] = Entry(module: module.name, path: message.path)
        nestedNames[message.fullName] = Set(
          message.messages.map(\.name) + message.enums.map(\.name)
            + message.oneofs.map { SwiftName.type($0.name) })
      }
      for type in file.allEnums {
        entries[type.fullName] = Entry(module: module.name, path: type.path)
        zeroCases[type.fullName] = type.values.first { $0.number == 0 }
          .map { SwiftName.enumCase($0.name, of: type.name) }
      }
    }
  }

  /// The case of an enum that an absent field has.
  func zeroCase(of type: String) -> String { zeroCases[type] ?? "unrecognized(0)" }

  /// The module that a type stands in.
  func module(of type: String) -> String? { entries[type]?.module }

  /// The type's name as written inside `message`, with its module where a nested name hides it.
  func name(of type: String, in message: MessageType? = nil) throws -> String {
    guard let entry = entries[type] else {
      throw SchemaError("\(type) is used, but has no Swift; only tacit packages have")
    }
    let name = entry.path.joined(separator: ".")
    guard let message, entry.path.count == 1 else { return name }
    let isHidden = nestedNames[message.fullName]?.contains(entry.path[0]) ?? false
    return isHidden ? "\(entry.module).\(name)" : name
  }
}
