internal import COpenSSL
public import PrivacyCore

/// Key material: bytes that exist once, never print, and are overwritten when they go.
///
/// Noncopyable, so that each further copy is a visible call to ``copy()``.
@safe public struct SecretBytes: ~Copyable, @unchecked Sendable {
  // Sendable: the memory belongs to this value alone and is only written before init returns.
  private let storage: UnsafeMutableRawBufferPointer

  /// Copies `bytes`. The caller still has its own copy to overwrite.
  public init(copying bytes: some Collection<UInt8>) {
    unsafe storage = .allocate(byteCount: bytes.count, alignment: 16)
    unsafe storage.copyBytes(from: bytes)
  }

  /// So many bytes from `random`.
  public init(random: any RandomSource, count: Int) {
    unsafe storage = .allocate(byteCount: count, alignment: 16)
    unsafe random.fill(storage)
  }

  /// So many bytes that `fill` writes in place: the way for a secret that shall never lie in an
  /// array. The memory is zero before.
  public init<Failure: Error>(
    byteCount: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
    unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
    do throws(Failure) {
      try unsafe fill(storage)
    } catch {
      unsafe OPENSSL_cleanse(storage.baseAddress, storage.count)
      unsafe storage.deallocate()
      throw error
    }
    unsafe self.storage = unsafe storage
  }

  /// How many bytes there are.
  public var byteCount: Int { unsafe storage.count }

  /// Lends the bytes for the time of `body`; the pointer must not outlive it.
  public borrowing func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(storage))
  }

  /// A second copy with a life of its own.
  public borrowing func copy() -> SecretBytes {
    unsafe SecretBytes(copying: UnsafeRawBufferPointer(storage))
  }

  deinit {
    unsafe OPENSSL_cleanse(storage.baseAddress, storage.count)
    unsafe storage.deallocate()
  }
}
