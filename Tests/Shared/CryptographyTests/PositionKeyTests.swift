internal import Cryptography
internal import PrivacyCore
internal import Testing

@Suite("Codes of positions")
struct PositionKeyTests {
  private func key(_ byte: UInt8 = 7) throws -> PositionKey {
    try PositionKey(secret: SecretBytes(copying: [UInt8](repeating: byte, count: 32)))
  }

  @Test("are the first half of HMAC-SHA256 over label, epoch and position")
  func vector() throws {
    // Python: hmac.new(b'\x07'*32, b'tacit log position v1' + (1).to_bytes(8,'big')
    //   + (2).to_bytes(8,'big'), 'sha256').hexdigest()[:32]
    #expect(
      Hexadecimal.encode(try key().code(epoch: 1, position: 2))
        == "70ec0963ba12ce2b7290a85ad2eddd59")
  }

  @Test("hold for their key, epoch and position only")
  func binding() throws {
    let code = try key().code(epoch: 1, position: 2)
    #expect(code.count == PositionKey.codeByteCount)
    #expect(try key().verify(code, epoch: 1, position: 2))
    #expect(try !key().verify(code, epoch: 2, position: 1))
    #expect(try !key().verify(code, epoch: 1, position: 3))
    #expect(try !key(8).verify(code, epoch: 1, position: 2))
    #expect(try !key().verify(Array(code.dropLast()), epoch: 1, position: 2))
    #expect(try !key().verify([], epoch: 1, position: 2))
  }
}
