/// What one guess of a passphrase costs (RFC 7914: N = 2^workLog2, r, p).
public struct ScryptCost: Hashable, Sendable {
  /// The most memory that one derivation may take: a key file from outside cannot ask for more.
  public static let memoryByteCountMax = 256 << 20

  /// The most passes over that memory.
  public static let parallelismMax = 16

  /// 128 MiB and about half a second: for a passphrase that a person types when a service starts.
  public static let interactive = ScryptCost(uncheckedWorkLog2: 17, blockSize: 8, parallelism: 1)

  /// Base-2 logarithm of N, the number of blocks in memory.
  public let workLog2: Int
  /// r: a block has 128 · r bytes.
  public let blockSize: Int
  /// p: how many passes follow each other.
  public let parallelism: Int

  /// The cost with these parameters.
  ///
  /// - Throws: ``CryptographyError/parameterOutOfRange(_:)`` unless workLog2 is in 1...21,
  ///   blockSize in 1...32, parallelism in 1...16 and the memory within ``memoryByteCountMax``.
  public init(workLog2: Int, blockSize: Int, parallelism: Int) throws(CryptographyError) {
    guard (1...21).contains(workLog2), (1...32).contains(blockSize),
      (1...Self.parallelismMax).contains(parallelism),
      (128 * blockSize) << workLog2 <= Self.memoryByteCountMax
    else {
      throw .parameterOutOfRange(
        "scrypt takes N = 2^1 to 2^21, r = 1 to 32, p = 1 to \(Self.parallelismMax) and at most "
          + "\(Self.memoryByteCountMax >> 20) MiB, "
          + "not N = 2^\(workLog2), r = \(blockSize), p = \(parallelism)")
    }
    self.init(uncheckedWorkLog2: workLog2, blockSize: blockSize, parallelism: parallelism)
  }

  private init(uncheckedWorkLog2: Int, blockSize: Int, parallelism: Int) {
    workLog2 = uncheckedWorkLog2
    self.blockSize = blockSize
    self.parallelism = parallelism
  }
}
