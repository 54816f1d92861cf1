import DynamicMessages
import Testing
import WireFormat
import WireTestSupport

@Suite("Messages as JSON")
struct JSONMappingTests {
  @Test("fields have the schema's name or its lowerCamelCase form, and print the schema's")
  func names() throws {
    let codec = try makeCodec()
    #expect(try codec.echo(#"{"consentId":"c"}"#) == #"{"consent_id":"c"}"#)
    #expect(try codec.echo(#"{"consent_id":"c"}"#) == #"{"consent_id":"c"}"#)
    #expect(try codec.echo("{}") == "{}")
    #expect(try codec.echo(#"{"text":null,"leaf":null,"flags":null}"#) == "{}")
  }

  @Test("64-bit numbers are strings past 2^53 - 1, and are read as either")
  func longNumbers() throws {
    let codec = try makeCodec()
    #expect(
      try codec.echo(#"{"int64_value":9007199254740991,"uint64_value":"9007199254740992"}"#)
        == #"{"int64_value":9007199254740991,"uint64_value":"9007199254740992"}"#)
    #expect(
      try codec.echo(#"{"int64_value":-9223372036854775808,"uint64_value":18446744073709551615}"#)
        == #"{"int64_value":"-9223372036854775808","uint64_value":"18446744073709551615"}"#)
    #expect(
      try codec.echo(#"{"int32_value":1e3,"sint32_value":"-2.0"}"#)
        == #"{"int32_value":1000,"sint32_value":-2}"#)
  }

  @Test("byte lists are base64 of either alphabet, padded or not, and print base64url")
  func bytes() throws {
    let codec = try makeCodec()
    let style = JSONStyle(showsSecrets: true)
    for text in ["-_8", "-_8=", "+/8", "+/8="] {
      #expect(
        try codec.echo(#"{"byte_lists":["\#(text)",""]}"#) == #"{"byte_lists":["-_8",""]}"#)
    }
    #expect(
      try codec.echo(#"{"secret_bytes":"AQ=="}"#, style: style) == #"{"secret_bytes":"AQ"}"#)
  }

  @Test("enums are read by name or number; a number without a name stays one")
  func enums() throws {
    let codec = try makeCodec()
    #expect(
      try codec.echo(#"{"color":"COLOR_GREEN","colors":[0,1,"COLOR_BLUE",-5,12345]}"#)
        == #"{"color":"COLOR_GREEN","colors":["COLOR_UNSPECIFIED","COLOR_BLUE","COLOR_BLUE",-5,12345]}"#
    )
  }

  @Test("floats that are no numbers are strings, and minus zero is not zero")
  func floats() throws {
    let codec = try makeCodec()
    #expect(
      try codec.echo(#"{"float_value":"NaN","double_value":"-Infinity","floats":["Infinity",0.1]}"#)
        == #"{"float_value":"NaN","double_value":"-Infinity","floats":["Infinity",0.1]}"#)
    #expect(try codec.echo(#"{"double_value":-0.0}"#) == #"{"double_value":-0.0}"#)
    #expect(try codec.echo(#"{"double_value":"1.5","float_value":0}"#) == #"{"double_value":1.5}"#)
  }

  @Test("a member of a oneof is there although it is zero")
  func oneofs() throws {
    let codec = try makeCodec()
    #expect(try codec.echo(#"{"choice_number":0}"#) == #"{"choice_number":0}"#)
    #expect(try codec.echo(#"{"choice_leaf":{}}"#) == #"{"choice_leaf":{}}"#)
    let bytes = try codec.pack(json: JSONParser.parse(#"{"choice_text":""}"#), as: everyKind)
    #expect(try EveryKind(packed: bytes).choice == .choiceText(""))
  }

  @Test("of two members of a oneof on the wire the last one counts, and messages are merged")
  func lastWins() throws {
    let codec = try makeCodec()
    let leaf = packed(42, packed(1, [0x61]))
    let number: [UInt8] = [0xC0, 0x02, 5]
    #expect(
      try codec.json(unpacking: leaf + number, as: everyKind).line == #"{"choice_number":5}"#)
    #expect(
      try codec.json(unpacking: leaf + number + packed(42, [0x10, 2]), as: everyKind).line
        == #"{"choice_leaf":{"number":1}}"#)
    #expect(
      try codec.json(unpacking: leaf + packed(42, [0x10, 2]), as: everyKind).line
        == #"{"choice_leaf":{"text":"a","number":1}}"#)
    #expect(
      try codec.json(unpacking: [0x10, 1, 0x10, 2], as: everyKind).line == #"{"int32_value":2}"#)
  }

  @Test("repeated numbers are read in one piece, one by one and mixed")
  func packing() throws {
    let codec = try makeCodec()
    let mixed: [UInt8] = packed(30, [1, 0]) + [0xF0, 0x01, 1] + packed(30, [])
    #expect(try codec.json(unpacking: mixed, as: everyKind).line == #"{"flags":[true,false,true]}"#)
    let doubles = try codec.pack(json: JSONParser.parse(#"{"doubles":[1,2]}"#), as: everyKind)
    #expect(doubles.count == 2 * 10, "one by one, as the schema says")
  }

  @Test("fields that the schema does not know are passed over")
  func unknown() throws {
    let codec = try makeCodec()
    let bytes: [UInt8] =
      [0x98, 0x3F, 1] + packed(1_000, [9, 9]) + packed(1, []).dropLast(2) + [0x08, 1]
      + [0x9D, 0x3F, 1, 2, 3, 4] + [0x99, 0x3F, 1, 2, 3, 4, 5, 6, 7, 8]
    #expect(try codec.json(unpacking: bytes, as: everyKind).line == #"{"flag":true}"#)
  }

  @Test("secrets are not printed unless they are asked for")
  func secrets() throws {
    let codec = try makeCodec()
    #expect(try codec.echo(#"{"secret_bytes":"AQID"}"#) == #"{"secret_bytes":"…"}"#)
    #expect(
      try codec.echo(#"{"secret_bytes":"AQID"}"#, style: JSONStyle(showsSecrets: true))
        == #"{"secret_bytes":"AQID"}"#)
  }

  @Test("with all fields, what is absent shows its zero, but for messages and oneofs")
  func all() throws {
    let codec = try makeCodec()
    let json = try JSONParser.parse(try codec.echo("{}", style: JSONStyle(showsAll: true)))
    #expect(json["int64_value"] == .number("0"))
    #expect(json["color"] == .string("COLOR_UNSPECIFIED"))
    #expect(json["flags"] == .array([]))
    #expect(json["text"] == .string(""))
    #expect(json["leaf"] == nil)
    #expect(json["choice_number"] == nil)
  }

  @Test("a document has a member on each line")
  func document() throws {
    let codec = try makeCodec()
    let bytes = EveryKind.Leaf(text: "a\u{1B}[2J\n", number: 3).packed()
    #expect(
      try codec.json(unpacking: bytes, as: "tacit.testing.v1.EveryKind.Leaf").document
        == "{\n  \"text\": \"a\\u001b[2J\\n\",\n  \"number\": 3\n}")
    #expect(JSONValue.object([.init("a", .array([]))]).document == "{\n  \"a\": []\n}")
  }

  @Test("an example of a request can be sent")
  func example() throws {
    let codec = try makeCodec()
    let example = try codec.example(of: everyKind)
    #expect(example["leaf"]?["text"] == .string("text"))
    #expect(example["choice_text"] == nil)
    _ = try codec.pack(json: example, as: everyKind)
    #expect(try makeRecursiveCodec().example(of: "t.Node").line == "{}")
  }

  @Test("an example of a schema whose messages multiply is cut short")
  func largeExample() throws {
    let line = try makeMultiplyingCodec(levels: 30).example(of: "t.M0").line
    #expect(line.utf8.count < 10_000)
  }
}

@Suite("Fields on a command line")
struct FieldArgumentTests {
  private func line(_ words: String...) throws -> String {
    try makeCodec().json(fromFields: words, as: everyKind).line
  }

  @Test("become JSON by the schema")
  func fields() throws {
    #expect(
      try line("flag=true", "text=a=b", "int64_value=-5", "color=700", "shape=SHAPE_CIRCLE")
        == #"{"flag":true,"text":"a=b","int64_value":"-5","color":700,"shape":"SHAPE_CIRCLE"}"#)
    #expect(try line("texts=a", "texts=b") == #"{"texts":["a","b"]}"#)
    #expect(
      try line("leaf.text=a", "leaf.number=2", #"leaves={"text":"b"}"#)
        == #"{"leaf":{"text":"a","number":"2"},"leaves":[{"text":"b"}]}"#)
    #expect(try line("consentId=c") == #"{"consent_id":"c"}"#)
  }

  @Test(
    "are refused with the field's path",
    arguments: [
      (["nothing"], "the message is given as name=value; one of the words has no name or no ="),
      (["=a"], "the message is given as name=value; one of the words has no name or no ="),
      (["flag=yes"], "flag must be true or false"),
      (["text=a", "text=b"], "text is given twice"),
      (["leaf.text=a", "leaf.text=b"], "leaf.text is given twice"),
      (["text.more=a"], "text is no single message, so nothing in it can be named"),
      (["leaves.text=a"], "leaves is no single message, so nothing in it can be named"),
      (
        ["leaf={"],
        "leaf is a message, so its value is JSON: not JSON: a name in quotes belongs here, at line 1, column 2"
      ),
      (["leaf={}", "leaf={}"], "leaf is given twice"),
      (["leaf.nothing=1"], "leaf.nothing is no field; a Leaf has text, number"),
    ])
  func refused(words: [String], complaint: String) throws {
    let codec = try makeCodec()
    let error = #expect(throws: DynamicMessageError.self) {
      try codec.json(fromFields: words, as: everyKind)
    }
    #expect(error?.description == complaint)
  }
}
