internal import Cryptography
internal import Testing

@Suite("AES-256-GCM")
struct GCMCipherTests {
  @Test("the NIST vectors hold in both directions, with the associated data in one piece or two")
  func vectors() throws {
    let vectors = try Vector.load("nist-gcm-256.txt")
    #expect(vectors.count == 12)
    for vector in vectors {
      let cipher = try GCMCipher(secret: SecretBytes(copying: try vector.bytes("key")))
      let nonce = try vector.bytes("nonce")
      let plaintext = try vector.bytes("plaintext")
      let associatedData = try vector.bytes("associated_data")
      let sealed = try vector.bytes("ciphertext") + vector.bytes("tag")
      for headerByteCount in Set([0, associatedData.count / 2, associatedData.count]) {
        let header = Array(associatedData[..<headerByteCount])
        let rest = Array(associatedData[headerByteCount...])
        #expect(
          try cipher.seal(plaintext, nonce: nonce, header: header, associatedData: rest) == sealed,
          "\(vector)")
        #expect(
          try cipher.open(sealed, nonce: nonce, header: header, associatedData: rest) == plaintext,
          "\(vector)")
      }
    }
  }

  @Test(
    "long associated data counts the same however it is cut, and every byte of it counts",
    arguments: [599, 600, 601, 5_000])
  func longAssociatedData(byteCount: Int) throws {
    let cipher = try GCMCipher(secret: SecretBytes(copying: [UInt8](repeating: 1, count: 32)))
    let nonce = [UInt8](repeating: 2, count: 12)
    let whole = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0) }
    let sealed = try cipher.seal([1, 2, 3], nonce: nonce, header: whole, associatedData: [])
    for headerByteCount in [0, 5, byteCount - 1] {
      let header = Array(whole[..<headerByteCount])
      var rest = Array(whole[headerByteCount...])
      #expect(
        try cipher.seal([1, 2, 3], nonce: nonce, header: header, associatedData: rest) == sealed)
      rest[rest.count - 1] ^= 1
      #expect(throws: CryptographyError.notAuthentic) {
        try cipher.open(sealed, nonce: nonce, header: header, associatedData: rest)
      }
    }
  }

  @Test("nothing of a plaintext is left behind when the tag is wrong")
  func cleansed() throws {
    let cipher = try GCMCipher(secret: SecretBytes(copying: [UInt8](repeating: 1, count: 32)))
    let nonce = [UInt8](repeating: 2, count: 12)
    let plaintext = [UInt8](repeating: 3, count: 100)
    var sealed = try cipher.seal(plaintext, nonce: nonce, header: [], associatedData: [])
    sealed[115] ^= 1
    var output = [UInt8](repeating: 9, count: 100)
    #expect(throws: CryptographyError.notAuthentic) {
      try output.withUnsafeMutableBytes { output in
        try sealed.withUnsafeBytes { sealed in
          try nonce.withUnsafeBytes { nonce in
            let empty = UnsafeRawBufferPointer(start: nil, count: 0)
            try cipher.open(
              sealed, nonce: nonce, header: empty, associatedData: empty, to: output)
          }
        }
      }
    }
    #expect(output == [UInt8](repeating: 0, count: 100))
  }
}

extension GCMCipher {
  fileprivate func seal(
    _ plaintext: [UInt8], nonce: [UInt8], header: [UInt8], associatedData: [UInt8]
  ) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: plaintext.count + Self.tagByteCount)
    try output.withUnsafeMutableBytes { output in
      try withBytes(plaintext, nonce, header, associatedData) {
        try seal($0, nonce: $1, header: $2, associatedData: $3, to: output)
      }
    }
    return output
  }

  fileprivate func open(
    _ sealed: [UInt8], nonce: [UInt8], header: [UInt8], associatedData: [UInt8]
  ) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: sealed.count - Self.tagByteCount)
    try output.withUnsafeMutableBytes { output in
      try withBytes(sealed, nonce, header, associatedData) {
        try open($0, nonce: $1, header: $2, associatedData: $3, to: output)
      }
    }
    return output
  }
}

private typealias Raw = UnsafeRawBufferPointer

private func withBytes(
  _ first: [UInt8], _ second: [UInt8], _ third: [UInt8], _ fourth: [UInt8],
  _ body: (Raw, Raw, Raw, Raw) throws -> Void
) throws {
  try first.withUnsafeBytes { first in
    try second.withUnsafeBytes { second in
      try third.withUnsafeBytes { third in
        try fourth.withUnsafeBytes { try body(first, second, third, $0) }
      }
    }
  }
}
