internal import Cryptography
internal import ReflectionAPI

/// Tells the schemas of one build from those of another, in HELLO and in logs.
enum SchemaFingerprint {
  /// The first 64 bits of SHA-256 over the embedded schemas.
  static let value: UInt64 = {
    let digest = (try? Digest.sha256(EmbeddedSchema.descriptorSet)) ?? []
    return digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }()
}
