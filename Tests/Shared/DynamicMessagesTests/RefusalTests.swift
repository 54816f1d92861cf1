import DynamicMessages
import Testing
import WireFormat
import WireTestSupport

@Suite("What is refused on the way between JSON and bytes")
struct RefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var complaint: String
    var testDescription: String { text }

    init(_ text: String, _ complaint: String) {
      self.text = text
      self.complaint = complaint
    }
  }

  static let values: [Case] = [
    Case(
      #"{"int32_value":2147483648}"#,
      "int32_value must be a whole number from -2147483648 to 2147483647, in digits where it is large"
    ),
    Case(
      #"{"uint32_value":-1}"#,
      "uint32_value must be a whole number from 0 to 4294967295, in digits where it is large"),
    Case(
      #"{"int64_value":9223372036854775808}"#,
      "int64_value must be a whole number from -9223372036854775808 to 9223372036854775807, in digits where it is large"
    ),
    Case(
      #"{"int64_value":9007199254740993.0}"#,
      "int64_value must be a whole number from -9223372036854775808 to 9223372036854775807, in digits where it is large"
    ),
    Case(
      #"{"int32_value":1.5}"#,
      "int32_value must be a whole number from -2147483648 to 2147483647, in digits where it is large"
    ),
    Case(
      #"{"int32_value":"0x10"}"#,
      "int32_value must be a whole number from -2147483648 to 2147483647"),
    Case(
      #"{"int32_value":true}"#,
      "int32_value must be a whole number from -2147483648 to 2147483647, not true or false"),
    Case(#"{"float_value":1e39}"#, "float_value is too large for a Float"),
    Case(#"{"double_value":1e309}"#, "double_value is too large for a Double"),
    Case(
      #"{"double_value":"nan"}"#,
      #"double_value must be a number, "NaN", "Infinity" or "-Infinity""#),
    Case(#"{"flag":1}"#, "flag must be true or false, not a number"),
    Case(#"{"flag":"true"}"#, "flag must be true or false"),
    Case(#"{"text":5}"#, "text must be a string, not a number"),
    Case(#"{"text":"a\u0000"}"#, "text holds a NUL"),
    Case(
      #"{"byte_lists":["A"]}"#,
      "byte_lists[0] is not base64 (of either alphabet, with or without padding)"),
    Case(
      #"{"byte_lists":["AQ="]}"#,
      "byte_lists[0] is not base64 (of either alphabet, with or without padding)"),
    Case(
      #"{"byte_lists":["AB"]}"#,
      "byte_lists[0] is not base64 (of either alphabet, with or without padding)"),
    Case(
      #"{"color":"BLUE"}"#,
      "color must be one of COLOR_UNSPECIFIED, COLOR_BLUE, COLOR_GREEN, or its number"),
    Case(
      #"{"colors":[1,2147483648]}"#,
      "colors[1] must be a whole number from -2147483648 to 2147483647, in digits where it is large"
    ),
    Case(#"{"leaf":[]}"#, "leaf must be an object, not a list"),
    Case(#"{"leaves":{}}"#, "leaves must be a list, not an object"),
    Case(#"{"leaves":[{},{"text":1}]}"#, "leaves[1].text must be a string, not a number"),
    Case(#"{"leaves":[null]}"#, "leaves[0] must be an object, not null"),
    Case(#"{"leaf":{"nothing":1}}"#, "leaf.nothing is no field; a Leaf has text, number"),
    Case(#"{"leaf":{"a@b.example":1}}"#, "leaf has no such field; a Leaf has text, number"),
    Case(#"{"flag":true,"flag":true}"#, "flag is given twice"),
    Case(#"{"consent_id":"a","consentId":"a"}"#, "consent_id is given twice"),
    Case(
      #"{"choice_number":1,"choice_text":"a"}"#,
      "choice_text and choice_number are alternatives; give one of them"),
    Case("[]", "the message must be an object, not a list"),
    Case(#"{"texts":["a","b","c","d"]}"#, "texts has 4 elements, the limit is 3"),
    Case(#"{"texts":["abcdef"]}"#, "texts[0] has 6 bytes, the limit is 5"),
    Case(#"{"secret_bytes":"AAAAAAAAAAAA"}"#, "secret_bytes has 9 bytes, the limit is 8"),
  ]

  @Test("JSON that does not fit the schema, with the field's path", arguments: values)
  func value(_ refusal: Case) throws {
    let codec = try makeCodec()
    let json = try JSONParser.parse(refusal.text)
    let error = #expect(throws: DynamicMessageError.self) {
      try codec.pack(json: json, as: everyKind)
    }
    #expect(error?.description == refusal.complaint)
  }

  @Test("JSON on the other side of each limit is taken")
  func fits() throws {
    let codec = try makeCodec()
    for text in [
      #"{"int32_value":2147483647}"#, #"{"int32_value":-2147483648}"#,
      #"{"uint32_value":4294967295}"#, #"{"sfixed64_value":"-9223372036854775808"}"#,
      #"{"float_value":3e38}"#, #"{"double_value":1e308}"#, #"{"texts":["abcde","b","c"]}"#,
      #"{"secret_bytes":"AAAAAAAAAAA"}"#,
    ] {
      #expect(throws: Never.self, "\(text)") { try codec.echo(text) }
    }
  }

  static let syntax: [Case] = [
    Case("", "not JSON: it ends where a value belongs, at line 1, column 1"),
    Case("{", "not JSON: a name in quotes belongs here, at line 1, column 2"),
    Case("{\n  \"a\" 1}", "not JSON: a colon belongs here, at line 2, column 7"),
    Case(#"{"a":1,}"#, "not JSON: a name in quotes belongs here, at line 1, column 8"),
    Case("[1 2]", "not JSON: a comma or ] belongs here, at line 1, column 4"),
    Case("[1,]", "not JSON: no such value, at line 1, column 4"),
    Case("{} {}", "not JSON: more than one document, at line 1, column 4"),
    Case("01", "not JSON: more than one document, at line 1, column 2"),
    Case("1.", "not JSON: a digit belongs here, at line 1, column 3"),
    Case("1e", "not JSON: a digit belongs here, at line 1, column 3"),
    Case("-", "not JSON: no such value, at line 1, column 2"),
    Case("nul", "not JSON: no such value, at line 1, column 1"),
    Case("'a'", "not JSON: no such value, at line 1, column 1"),
    Case("\"a", "not JSON: it ends within a string, at line 1, column 3"),
    Case("\"\n\"", "not JSON: a control character in a string, at line 1, column 2"),
    Case(#""\x""#, "not JSON: no such escape, at line 1, column 3"),
    Case(#""\u12g4""#, "not JSON: four hexadecimal digits belong here, at line 1, column 4"),
    Case(#""\ud800""#, "not JSON: half of a surrogate pair, at line 1, column 8"),
    Case(#""\ud800\u0041""#, "not JSON: half of a surrogate pair, at line 1, column 14"),
    Case(#""\udc00""#, "not JSON: half of a surrogate pair, at line 1, column 8"),
  ]

  @Test("what is no JSON, with line and column", arguments: syntax)
  func notJSON(_ refusal: Case) throws {
    let error = #expect(throws: DynamicMessageError.self) { try JSONParser.parse(refusal.text) }
    #expect(error?.description == refusal.complaint)
  }

  @Test("a string that is not UTF-8")
  func badUTF8() {
    #expect(throws: DynamicMessageError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
  }

  @Test("every escape of a string is understood")
  func escapes() throws {
    #expect(
      try JSONParser.parse(#""\"\\\/\b\f\n\r\té\ud83d\ude00""#)
        == .string("\"\\/\u{8}\u{C}\n\r\té😀"))
  }

  @Test("lists more than 128 deep")
  func deepJSON() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(throws: Never.self) { try JSONParser.parse(nested(129)) }
    #expect(throws: DynamicMessageError.self) { try JSONParser.parse(nested(130)) }
    #expect(throws: DynamicMessageError.self) { try JSONParser.parse(nested(1_000_000)) }
  }

  @Test("messages more than 64 deep, both ways")
  func deepMessages() throws {
    let codec = try makeRecursiveCodec()
    func json(_ depth: Int) -> String {
      String(repeating: #"{"more":["#, count: depth - 1) + "{}"
        + String(repeating: "]}", count: depth - 1)
    }
    func bytes(_ depth: Int) -> [UInt8] { (1..<depth).reduce([]) { bytes, _ in packed(1, bytes) } }
    #expect(throws: Never.self) { try codec.echo(json(64), as: "t.Node") }
    #expect(throws: DynamicMessageError.self) { try codec.echo(json(65), as: "t.Node") }
    #expect(throws: Never.self) { try codec.json(unpacking: bytes(64), as: "t.Node") }
    #expect(throws: DynamicMessageError.self) { try codec.json(unpacking: bytes(65), as: "t.Node") }
    #expect(throws: DynamicMessageError.self) {
      try codec.json(unpacking: bytes(5_000), as: "t.Node")
    }
    let words = [String(repeating: "next.", count: 64) + "more={}"]
    #expect(throws: DynamicMessageError.self) { try codec.json(fromFields: words, as: "t.Node") }
  }

  @Test("more bytes, text or values than the limits")
  func sizes() throws {
    var limits = DynamicLimits()
    limits.messageByteCountMax = 100
    limits.valueCountMax = 10
    let codec = try makeCodec(limits)
    func text(_ count: Int) -> String {
      #"{"default":""# + String(repeating: "a", count: count) + #""}"#
    }
    #expect(throws: Never.self) { try codec.echo(text(97)) }
    #expect(throws: DynamicMessageError.tooLong(byteCount: 101, limit: 100)) {
      try codec.echo(text(98))
    }
    #expect(throws: DynamicMessageError.tooLong(byteCount: 101, limit: 100)) {
      try codec.unpack([UInt8](repeating: 0, count: 101), as: everyKind)
    }
    #expect(throws: Never.self) {
      try codec.unpack(packed(30, [UInt8](repeating: 1, count: 10)), as: everyKind)
    }
    let error = #expect(throws: DynamicMessageError.self) {
      try codec.unpack(packed(30, [UInt8](repeating: 1, count: 11)), as: everyKind)
    }
    #expect(error?.description == "flags[10] is one of more than 10 values")
    #expect(throws: Never.self) { try JSONParser.parse(Array("[1]".utf8), limit: 3) }
    #expect(throws: DynamicMessageError.tooLong(byteCount: 4, limit: 3)) {
      try JSONParser.parse(Array("[1] ".utf8), limit: 3)
    }
  }

  struct Bytes: Sendable, CustomTestStringConvertible {
    var bytes: [UInt8]
    var complaint: String
    var testDescription: String { complaint }
  }

  static let malformed: [Bytes] = [
    Bytes(bytes: [0x08], complaint: "the message cannot be read: it ends within a field"),
    Bytes(
      bytes: [0x00, 0],
      complaint: "the message cannot be read: it has a field number outside 1 to 536870911"),
    Bytes(bytes: packed(1, []), complaint: "flag has another wire type than a bool has"),
    Bytes(bytes: [0x0D, 0, 0, 0, 0], complaint: "flag has another wire type than a bool has"),
    Bytes(bytes: [0x60, 0], complaint: "float_value has another wire type than a float has"),
    Bytes(bytes: [0x70, 0], complaint: "text has another wire type than a string has"),
    Bytes(bytes: packed(14, [0xFF]), complaint: "text is not UTF-8"),
    Bytes(bytes: packed(14, [0x61, 0]), complaint: "text holds a NUL"),
    Bytes(
      bytes: packed(14, [UInt8](repeating: 0x61, count: 41)),
      complaint: "text has 41 bytes, the limit is 40"),
    Bytes(
      bytes: packed(18, [0x0A, 2, 0x61]), complaint: "leaf cannot be read: it ends within a field"),
    Bytes(
      bytes: packed(37, []) + packed(37, packed(1, [0xC0])),
      complaint: "leaves[1].text is not UTF-8"),
    Bytes(
      bytes: packed(32, [0, 0, 0, 0, 1]), complaint: "floats cannot be read: it ends within a field"
    ),
    Bytes(bytes: packed(31, [0x80]), complaint: "numbers cannot be read: it ends within a field"),
    Bytes(
      bytes: packed(31, [UInt8](repeating: 0xFF, count: 10)),
      complaint: "numbers cannot be read: it has a number of more than 64 bits"),
    Bytes(
      bytes: packed(34, []) + packed(34, []) + packed(34, []) + packed(34, []),
      complaint: "texts has 4 elements, the limit is 3"),
  ]

  @Test("bytes that are no message of the schema, with the field's path", arguments: malformed)
  func bytes(_ refusal: Bytes) throws {
    let codec = try makeCodec()
    let error = #expect(throws: DynamicMessageError.self) {
      try codec.unpack(refusal.bytes, as: everyKind)
    }
    #expect(error?.description == refusal.complaint)
  }

  @Test("a message that the schema does not define")
  func unknownMessage() throws {
    let codec = try makeCodec()
    #expect(throws: DynamicMessageError.self) { try codec.unpack([], as: "tacit.nothing.v1.None") }
    #expect(throws: DynamicMessageError.self) { try codec.pack(json: .object([]), as: "None") }
  }
}
