internal import COpenSSL

/// One step down a binary tree of keys (Goldreich, Goldwasser and Micali, "How to construct random
/// functions", 1986): the children of a node are HMAC-SHA256 codes under it, one for each side.
/// Whoever has a node has all below it, and nothing of any other one.
///
/// About half a microsecond a step. Any thread may use it at any time.
public final class KeyTreeStep: Sendable {
  /// The bytes of a node.
  public static let nodeByteCount = 32

  /// Which child.
  public enum Side: UInt8, Sendable {
    case left = 0
    case right = 1
  }

  private static let label = Array("tacit key tree v1".utf8)
  private let pool = unsafe ContextPool { unsafe EVP_MAC_CTX_free($0) }

  /// A step; it holds no key between two calls that anybody could ask for.
  public init() {}

  /// Writes a child of `parent` to `child`; both have 32 bytes and do not overlap.
  public func derive(
    _ side: Side, of parent: UnsafeRawBufferPointer, into child: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    precondition(parent.count == Self.nodeByteCount, "a node has 32 bytes")
    precondition(child.count == Self.nodeByteCount, "a node has 32 bytes")
    try unsafe pool.withContext(orMake: makeContext) { context throws(CryptographyError) in
      let key = unsafe parent.baseAddress?.assumingMemoryBound(to: UInt8.self)
      try require(unsafe EVP_MAC_init(context, key, parent.count, nil), "EVP_MAC_init")
      try require(
        unsafe EVP_MAC_update(context, Self.label, Self.label.count), "EVP_MAC_update")
      var side = side.rawValue
      try require(unsafe EVP_MAC_update(context, &side, 1), "EVP_MAC_update")
      var byteCount = 0
      let address = unsafe child.baseAddress?.assumingMemoryBound(to: UInt8.self)
      try require(
        unsafe EVP_MAC_final(context, address, &byteCount, Self.nodeByteCount), "EVP_MAC_final")
    }
  }

  private func makeContext() throws(CryptographyError) -> OpaquePointer {
    guard let context = unsafe EVP_MAC_CTX_new(Algorithm.hmac) else {
      throw .openSSL("EVP_MAC_CTX_new")
    }
    var parameters = unsafe [Parameter.sha256, OSSL_PARAM_construct_end()]
    guard unsafe EVP_MAC_CTX_set_params(context, &parameters) == 1 else {
      unsafe EVP_MAC_CTX_free(context)
      throw .openSSL("EVP_MAC_CTX_set_params")
    }
    return unsafe context
  }
}
