internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import TestSupport
internal import Testing
internal import TransparencyLog

/// Published signed notes.
private struct NoteVectors: Decodable {
  struct Note: Decodable {
    let secret: String?
    let key: String
    let text: String
    let signature: String
  }
  let notes: [Note]
}

/// A key that belongs to a number.
func signer(
  _ name: String, _ kind: NoteKey.Kind = .note, seed: UInt8 = 1
) throws -> NoteSigner {
  try NoteSigner(
    name: name, kind: kind,
    key: SigningKey(seed: SecretBytes(copying: [UInt8](repeating: seed, count: 32))))
}

@Suite("Signed notes")
struct NoteTests {
  private static let time = Timestamp(seconds: 1_679_315_147)

  @Test("published notes verify, and are signed the same where their key is published")
  func vectors() throws {
    let vectors = try JSONDecoder().decode(NoteVectors.self, from: vectorFile("notes.json"))
    #expect(vectors.notes.count == 2)
    for vector in vectors.notes {
      let key = try NoteKey(text: vector.key)
      #expect(try key.text() == vector.key)
      let note = try SignedNote(encoded: Array("\(vector.text)\n\(vector.signature)\n".utf8))
      let signature = try #require(note.signatures.first)
      #expect(try key.claims(signature))
      try key.verify(signature, on: note.text)
      #expect(throws: TransparencyLogError.falseSignature(key: key.name)) {
        try key.verify(signature, on: note.text + "\n")
      }
      if let secret = vector.secret {
        let signer = try NoteSigner(secretText: secret)
        #expect(signer.key == key)
        #expect(try signer.sign(vector.text, at: Self.time).line == vector.signature)
      }
    }
  }

  @Test("a private key's text reads back", arguments: [NoteKey.Kind.note, .cosignature])
  func secretText(kind: NoteKey.Kind) throws {
    let seed = SecretBytes(copying: [UInt8](repeating: 9, count: 32))
    let text = try NoteSigner.secretText(name: "log.example", kind: kind, seed: seed)
    let signer = try NoteSigner(secretText: text)
    #expect(signer.key.name == "log.example")
    #expect(signer.key.kind == kind)
    #expect(throws: TransparencyLogError.self) {
      try NoteSigner(secretText: text.replacing("log.example", with: "log.other"))
    }
    #expect(throws: TransparencyLogError.self) { try NoteSigner(secretText: signer.key.text()) }
  }

  @Test(
    "key texts with a false number, another kind, length or name are refused",
    arguments: [
      "", "PeterNeumann", "PeterNeumann+c74f20a3",
      "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
      "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
    ])
  func falseKeyTexts(text: String) {
    #expect(throws: TransparencyLogError.self) { try NoteKey(text: text) }
  }

  @Test("a key's name has 1 to 255 bytes, no space and no plus sign")
  func names() throws {
    let key = try signer("a").key.key
    for name in ["a", "é", String(repeating: "n", count: 255)] {
      #expect(try NoteKey(name: name, kind: .note, key: key).name == name)
    }
    for name in [
      "", "a b", "a+b", "a\u{00A0}b", "a\u{2003}b", "a\nb", String(repeating: "n", count: 256),
    ] {
      #expect(throws: TransparencyLogError.malformed("the name of a note's key")) {
        try NoteKey(name: name, kind: .note, key: key)
      }
    }
  }

  @Test("names that look the same but are other bytes are other keys")
  func lookalikes() throws {
    let composed = try signer("caf\u{E9}")
    let decomposed = try signer("cafe\u{301}")
    let signature = try composed.sign("text\n", at: Self.time)
    #expect(try composed.key.claims(signature))
    #expect(try !decomposed.key.claims(signature))
  }

  @Test("the text ends at the last empty line")
  func emptyLines() throws {
    var note = try SignedNote(text: "first\n\nsecond\n\n\n")
    try note.add(try signer("a").sign(note.text, at: Self.time))
    let read = try SignedNote(encoded: note.encoded)
    #expect(read == note)
    try signer("a").key.verify(read.signatures[0], on: read.text)
  }

  @Test("a second signature of one key takes the place of the first")
  func replacing() throws {
    var note = try SignedNote(text: "text\n")
    let witness = try signer("w", .cosignature)
    try note.add(try witness.sign(note.text, at: Self.time))
    try note.add(try signer("v", .cosignature).sign(note.text, at: Self.time))
    try note.add(try witness.sign(note.text, at: Timestamp(seconds: 5)))
    #expect(note.signatures.map(\.keyName) == ["v", "w"])
    #expect(try witness.key.verify(note.signatures[1], on: note.text) == 5)
  }

  @Test("a note cut off anywhere is refused or has lost a whole signature")
  func cutOff() throws {
    var note = try SignedNote(text: "text\n")
    try note.add(try signer("a").sign(note.text, at: Self.time))
    try note.add(try signer("b").sign(note.text, at: Self.time))
    let bytes = note.encoded
    let oneSignature = bytes.count - note.signatures[1].line.utf8.count - 1
    for byteCount in 0..<bytes.count where byteCount != oneSignature {
      #expect(throws: TransparencyLogError.self, "\(byteCount) bytes") {
        try SignedNote(encoded: Array(bytes[..<byteCount]))
      }
    }
    #expect(try SignedNote(encoded: Array(bytes[..<oneSignature])).signatures.count == 1)
  }

  @Test(
    "malformed notes are refused",
    arguments: [
      "text\n\n", "text\n\n\u{2014} a\n", "text\n\n\u{2014} a AAAAAA==\n", "text\n\n- a AAAAAAA=\n",
      "text\n\n\u{2014} a  AAAAAAA=\n", "text\n\n\u{2014} a AAAAAAA=",
      "te\txt\n\n\u{2014} a AAAAAAA=\n",
      "text\r\n\n\u{2014} a AAAAAAA=\n", "text\n\n\u{2014} a AAAAAAA= \n",
      "text\n\n\u{2014} a+ AAAAAAA=\n",
      "text\n\n\u{2014} a AAAAAAB=\n", "text\n\u{2014} a AAAAAAA=\n",
    ])
  func malformed(text: String) {
    #expect(throws: TransparencyLogError.self) { try SignedNote(encoded: Array(text.utf8)) }
  }

  @Test("a well-formed note is read, one that is not UTF-8 is not")
  func utf8() throws {
    let bytes = Array("text\n\n\u{2014} a AAAAAAA=\n".utf8)
    #expect(try SignedNote(encoded: bytes).signatures.map(\.bytes) == [[0]])
    #expect(throws: TransparencyLogError.malformed("a note that is not UTF-8")) {
      try SignedNote(encoded: [0xFF] + bytes)
    }
  }

  @Test("64 signatures and 128 KiB are read, more are not")
  func limits() throws {
    let line = "\u{2014} a AAAAAAA=\n"
    let most = "t\n\n" + String(repeating: line, count: SignedNote.signatureCountMax)
    #expect(try SignedNote(encoded: Array(most.utf8)).signatures.count == 64)
    #expect(
      throws: TransparencyLogError.tooLarge("signatures of a note", count: 65, limit: 64)
    ) { try SignedNote(encoded: Array((most + line).utf8)) }
    let padding = SignedNote.byteCountMax - line.utf8.count - 2
    let longest = String(repeating: "t", count: padding) + "\n\n" + line
    #expect(try SignedNote(encoded: Array(longest.utf8)).text.utf8.count == padding + 1)
    #expect(throws: TransparencyLogError.self) {
      try SignedNote(encoded: Array(("t" + longest).utf8))
    }
    let bytes = [UInt8](repeating: 1, count: NoteSignature.byteCountMax)
    _ = try NoteSignature(keyName: "a", keyID: 1, bytes: bytes)
    #expect(throws: TransparencyLogError.self) {
      try NoteSignature(keyName: "a", keyID: 1, bytes: bytes + [1])
    }
    #expect(throws: TransparencyLogError.self) {
      try NoteSignature(keyName: "a", keyID: 1, bytes: [])
    }
  }

  @Test("a cosignature signs its heading, its time and the text")
  func cosignature() throws {
    let witness = try signer("witness.example/w1", .cosignature)
    let text = "log.example\n1\n\(try MerkleHash.leaf([]))\n"
    let signature = try witness.sign(text, at: Self.time)
    #expect(signature.bytes.count == 72)
    #expect(try witness.key.verify(signature, on: text) == 1_679_315_147)
    #expect(
      witness.key.key.verify(
        Array(signature.bytes[8...]), of: Array("cosignature/v1\ntime 1679315147\n\(text)".utf8)))
    var later = signature.bytes
    later[7] += 1
    let changed = try NoteSignature(
      keyName: signature.keyName, keyID: signature.keyID, bytes: later)
    #expect(throws: TransparencyLogError.falseSignature(key: "witness.example/w1")) {
      try witness.key.verify(changed, on: text)
    }
    let short = try NoteSignature(
      keyName: signature.keyName, keyID: signature.keyID, bytes: Array(signature.bytes.dropLast()))
    #expect(throws: TransparencyLogError.falseSignature(key: "witness.example/w1")) {
      try witness.key.verify(short, on: text)
    }
    #expect(throws: TransparencyLogError.self) {
      try witness.sign(text, at: Timestamp(microseconds: -1))
    }
  }
}
