import ReflectionAPI
import SchemaModel
import Testing
import WireTestSupport

@Suite("The schemas of a descriptor set")
struct SchemaCatalogTests {
  private let product = EmbeddedSchema.descriptorSet

  @Test("those embedded in this build know every service with its comments and scopes")
  func embedded() throws {
    let catalog = try SchemaCatalog(descriptorSet: product)
    let names = catalog.services.map(\.fullName)
    #expect(names.contains("tacit.consent.v1.Consent"))
    #expect(names.contains("tacit.reflection.v1.Reflection"))
    #expect(names == names.sorted())
    for method in catalog.services.flatMap(\.methods) {
      #expect(method.scope?.isEmpty == false, "\(method.fullName)")
      #expect(!method.source.comment.isEmpty, "\(method.fullName)")
    }
    let receipt = try #require(catalog.message("tacit.consent.v1.Receipt"))
    #expect(
      receipt.type.source.comment.first
        == "One entry of the ledger. It never changes; a change is a new one.")
    #expect(receipt.field(named: "consentId") == receipt.field(named: "consent_id"))
    #expect(receipt.field(2)?.maxBytes == 32)
    #expect(catalog.enumeration("tacit.consent.v1.ReceiptKind")?.values.count == 9)
  }

  @Test("hold nothing but the project's own, and leave the tests' schemas to the tests")
  func contents() throws {
    let files = try SchemaReader.files(in: product)
    #expect(
      files.allSatisfy {
        $0.package.hasPrefix("tacit.")
          && !["tacit.testing.v1", "tacit.bench.v1"].contains($0.package)
      })
    #expect(
      try SchemaReader.files(in: EmbeddedTestingSchema.descriptorSet).map(\.package)
        == ["tacit.testing.v1"])
  }

  @Test("are the same bytes when they are trimmed again")
  func trimmed() throws {
    #expect(try DescriptorSet.trimmed(product) { _ in true } == product)
    #expect(try DescriptorSet.trimmed(product) { _ in false }.isEmpty)
  }

  @Test("know how each number stands on the wire")
  func encodings() throws {
    let catalog = try SchemaCatalog(descriptorSet: EmbeddedTestingSchema.descriptorSet)
    let message = try #require(catalog.message("tacit.testing.v1.EveryKind"))
    let names = message.type.fields.prefix(13).map(\.typeName)
    #expect(
      names == [
        "bool", "int32", "sint32", "sfixed32", "uint32", "fixed32", "int64", "sint64", "sfixed64",
        "uint64", "fixed64", "float", "double",
      ])
    #expect(message.field(named: "numbers")?.isPacked == true)
    #expect(message.field(named: "doubles")?.isPacked == false)
    #expect(message.field(named: "texts")?.isPacked == false)
    #expect(message.field(named: "secret_bytes")?.isSecret == true)
    #expect(message.field(named: "leaf")?.hasPresence == true)
    #expect(message.field(named: "choice_number")?.hasPresence == true)
    #expect(message.field(named: "text")?.hasPresence == false)
  }

  @Test("cut off or changed anywhere are read or refused, never more")
  func hostile() throws {
    let whole = EmbeddedTestingSchema.descriptorSet
    for end in 0..<whole.count { _ = try? SchemaCatalog(descriptorSet: Array(whole[..<end])) }
    for position in whole.indices {
      var bytes = whole
      bytes[position] ^= 0xFF
      _ = try? SchemaCatalog(descriptorSet: bytes)
      bytes[position] = 0
      _ = try? SchemaCatalog(descriptorSet: bytes)
    }
  }

  // MARK: - Schemas of other programs

  private func text(_ number: Int32, _ text: String) -> [UInt8] {
    WireWriter.field(number, Array(text.utf8))
  }

  private func field(
    _ name: String, _ number: UInt8, type: UInt8 = 5, of typeName: String = "", oneof: UInt8? = nil
  ) -> [UInt8] {
    var field = text(1, name) + [0x18, number, 0x20, 1, 0x28, type]
    if !typeName.isEmpty { field += text(6, typeName) }
    if let oneof { field += [0x48, oneof] }
    return WireWriter.field(2, field)
  }

  private func set(_ parts: [UInt8]...) -> [UInt8] {
    WireWriter.field(
      1, text(1, "t.proto") + text(2, "t") + parts.flatMap(\.self) + text(12, "proto3"))
  }

  private func message(_ name: String, _ parts: [UInt8]...) -> [UInt8] {
    WireWriter.field(4, text(1, name) + parts.flatMap(\.self))
  }

  @Test("are refused where they are unsound")
  func unsound() throws {
    func complaint(_ bytes: [UInt8]) -> String? {
      do {
        _ = try SchemaCatalog(descriptorSet: bytes)
        return nil
      } catch {
        return "\(error)"
      }
    }
    #expect(complaint(set(message("M", field("a", 1), field("b", 2)))) == nil)
    #expect(
      complaint(set(message("M"), message("M"))) == "error: t.M is defined twice")
    #expect(
      complaint(set(message("M", field("a", 1), field("b", 1))))
        == "error: field t.M.b has the number or the name of another field")
    #expect(
      complaint(set(message("M", field("a_b", 1), field("aB", 2))))
        == "error: field t.M.aB has the number or the name of another field")
    #expect(
      complaint(set(message("M", field("a", 0))))
        == "error: field t.M.a has a number outside 1 to 536870911")
    #expect(
      complaint(set(message("M", field("a", 1, oneof: 0))))
        == "error: field t.M.a is in a oneof that is not defined")
    #expect(
      complaint(set(message("M", field("a", 1, type: 11, of: ".t.N"))))
        == "error: field t.M.a has a type that is not defined")
    #expect(complaint(set(message("M", field("a", 1, type: 11, of: ".t.M")))) == nil)
    #expect(
      complaint(set(message("M", field("a", 1, type: 99)))) != nil)
    #expect(complaint([0xFF]) != nil)
  }

  @Test("are refused with messages more than 16 deep in each other, before they are unpacked")
  func nested() throws {
    func nested(_ depth: Int) -> [UInt8] {
      let inner = (1..<depth).reduce(text(1, "M")) { inner, _ in
        text(1, "M") + WireWriter.field(3, inner)
      }
      return set(WireWriter.field(4, inner))
    }
    #expect(throws: Never.self) { try SchemaReader.files(in: nested(16)) }
    #expect(throws: SchemaError.self) { try SchemaReader.files(in: nested(17)) }
    #expect(throws: SchemaError.self) { try SchemaReader.files(in: nested(20_000)) }
  }

  @Test("are refused past 1 MiB")
  func tooLong() throws {
    let filler = { (count: Int) in set(WireWriter.field(1_000, [UInt8](repeating: 0, count: count)))
    }
    let overhead = filler(1 << 19).count - 1 << 19
    #expect(throws: Never.self) {
      try SchemaReader.files(in: filler(DescriptorSet.byteCountMax - overhead))
    }
    #expect(throws: SchemaError.self) {
      try SchemaReader.files(in: filler(DescriptorSet.byteCountMax - overhead + 1))
    }
  }
}
