internal import Cryptography
package import Foundation
package import KeyManagement
package import PrivacyCore
internal import Synchronization

/// The file that holds the cover of the key tree: outside the store and every backup, replaced with
/// each epoch and never appended.
///
///     "TACITKTC" | format (2) | header's bytes (4) | header | pieces
///
/// The header says whose the file is, its epoch, the slots that may have been given out, how many
/// nodes there are, and the epoch's key as the key management service wrapped it. A piece is up to
/// 65,536 nodes sealed under that key (AES-256-GCM), bound to the header and to its number, with
/// its
/// length (4) in front. All numbers are big-endian.
package final class CoverFile: Sendable {
  /// What is in it.
  package struct Content: Sendable {
    /// Counted up with each file that takes the place of another.
    package var epoch: UInt64
    /// Slots from here on were given to nobody, whatever a store that was restored may say.
    package var slotLimit: UInt64
    package var cover: KeyTreeCover

    package init(epoch: UInt64, slotLimit: UInt64, cover: KeyTreeCover) {
      self.epoch = epoch
      self.slotLimit = slotLimit
      self.cover = cover
    }
  }

  /// The key of an epoch that has not begun: wrapped before anything changes.
  package final class EpochKey: Sendable {
    package let epoch: UInt64
    fileprivate let secret: SecretBytes
    fileprivate let wrapped: WrappedKey

    fileprivate init(epoch: UInt64, secret: consuming SecretBytes, wrapped: WrappedKey) {
      self.epoch = epoch
      self.secret = secret
      self.wrapped = wrapped
    }
  }

  /// The name in the directory of the keys, unless told otherwise.
  package static let fileName = "subject-keys.epoch"
  package static let format = 1
  /// The most nodes: about 620 MB.
  package static let nodeCountMax = 1 << 24
  /// What an epoch's key is wrapped for.
  package static let purpose = "subject-key-epoch"

  static let magic = Array("TACITKTC".utf8)
  static let prefixByteCount = 14
  static let headerByteCountMax = 16 << 10
  /// The bytes of a node.
  static let nodeByteCount = 5 + KeyTreeStep.nodeByteCount
  private static let nodesPerPiece = 1 << 16
  private static let pieceKeyID = KeyID(rawValue: 1)

  /// Where it is.
  package let url: URL
  private let store: Mutex<[UInt8]?>
  private let keys: KeyWrapper
  private let random: any RandomSource
  private let nodeCountMax: Int
  /// How the file may begin that the next one takes the place of: as the last one did, or as one
  /// whose replacing failed half-way.
  private let heads = Mutex<[[UInt8]]>([])

  /// The file at `url` of the store with this id; `nil` for whichever store's it is.
  package init(
    at url: URL, store: [UInt8]?, keys: KeyWrapper, random: any RandomSource,
    nodeCountMax: Int = CoverFile.nodeCountMax
  ) {
    self.url = url
    self.store = Mutex(store)
    self.keys = keys
    self.random = random
    self.nodeCountMax = nodeCountMax
  }

  private var path: String { url.path(percentEncoded: false) }

  // MARK: - Reading

  /// The content; `nil` where there is no file. Removes what a replacement that was cut off left.
  ///
  /// - Throws: `CoverFileError`.
  package func read() async throws -> Content? {
    let bytes: [UInt8]
    do throws(KeyManagementError) {
      try PrivateFile.eraseLeftovers(of: url)
      bytes = try PrivateFile.read(url, byteCountMax: byteCountMax)
    } catch {
      if case .missing = error { return nil }
      if case .damaged(let path, let reason) = error {
        throw CoverFileError.damaged(path: path, reason: reason)
      }
      throw CoverFileError.keys(error)
    }
    let head = try head(of: bytes)
    let header = try Header(fields: head.dropFirst(Self.prefixByteCount), path: path)
    guard header.service == keys.service else {
      throw CoverFileError.otherService(path: path, found: header.service)
    }
    let isOwn = store.withLock { store in
      store = store ?? header.store
      return store == header.store
    }
    guard isOwn else { throw CoverFileError.otherStore(path: path) }
    guard header.nodeCount <= nodeCountMax else {
      throw CoverFileError.tooLarge(nodeCount: header.nodeCount, limit: nodeCountMax)
    }
    let secret: SecretBytes
    do throws(KeyManagementError) {
      secret = try await keys.unwrap(header.wrapped, purpose: Self.purpose, number: header.epoch)
    } catch {
      throw CoverFileError.keys(error)
    }
    let cover = try opened(bytes.dropFirst(head.count), header, head, under: secret)
    heads.withLock { $0 = [head] }
    return Content(epoch: header.epoch, slotLimit: header.slotLimit, cover: cover)
  }

  private var byteCountMax: Int {
    Self.prefixByteCount + Self.headerByteCountMax + Self.bodyByteCount(nodeCountMax)
  }

  private static func bodyByteCount(_ nodeCount: Int) -> Int {
    nodeCount * nodeByteCount + pieceCount(nodeCount) * (4 + SealingKey.overheadByteCount)
  }

  private func damaged(_ reason: String) -> CoverFileError { .damaged(path: path, reason: reason) }

  private func head(of bytes: [UInt8]) throws(CoverFileError) -> [UInt8] {
    guard bytes.count >= Self.prefixByteCount, Array(bytes[..<8]) == Self.magic else {
      throw damaged("it is something else, or cut")
    }
    let format = Int(bytes[8]) << 8 | Int(bytes[9])
    guard format <= Self.format else { throw .newerFormat(path: path, found: format) }
    guard format == Self.format else { throw damaged("its format is \(format)") }
    let byteCount = Int(FieldReader.number(bytes[10..<14]))
    guard byteCount <= Self.headerByteCountMax else { throw damaged("its header is too long") }
    guard bytes.count >= Self.prefixByteCount + byteCount else { throw damaged("it is cut") }
    return Array(bytes[..<(Self.prefixByteCount + byteCount)])
  }

  private func opened(
    _ bytes: ArraySlice<UInt8>, _ header: Header, _ head: [UInt8],
    under secret: borrowing SecretBytes
  ) throws -> KeyTreeCover {
    let key = try SealingKey(id: Self.pieceKeyID, secret: secret, random: random)
    var places: [KeyTreeCover.Place] = []
    var rest = bytes
    let keyByteCount = KeyTreeStep.nodeByteCount
    // Before anything is allocated for them.
    let expected = Self.bodyByteCount(header.nodeCount)
    guard rest.count >= expected else { throw damaged("it is cut") }
    guard rest.count == expected else { throw damaged("there is something behind its end") }
    let nodes = try SecretBytes(byteCount: header.nodeCount * keyByteCount) { output in
      for piece in 0..<Self.pieceCount(header.nodeCount) {
        let nodeCount = min(Self.nodesPerPiece, header.nodeCount - piece * Self.nodesPerPiece)
        let byteCount = nodeCount * Self.nodeByteCount + SealingKey.overheadByteCount
        guard Int(FieldReader.number(rest.prefix(4))) == byteCount else {
          throw damaged("a piece has another length")
        }
        rest = rest.dropFirst(4)
        let plain: SecretBytes
        do {
          plain = try key.openSecret(
            Array(rest.prefix(byteCount)), associatedData: Self.associatedData(head, piece))
        } catch {
          throw damaged("a byte of it was changed")
        }
        rest = rest.dropFirst(byteCount)
        plain.withUnsafeBytes { plain in
          for index in 0..<nodeCount {
            let start = index * Self.nodeByteCount
            let node = plain[start..<start + Self.nodeByteCount]
            let slot = plain.loadUnaligned(fromByteOffset: start, as: UInt32.self)
            places.append(
              KeyTreeCover.Place(start: UInt32(bigEndian: slot), height: plain[start + 4]))
            UnsafeMutableRawBufferPointer(
              rebasing: output[(places.count - 1) * keyByteCount..<places.count * keyByteCount]
            ).copyMemory(from: UnsafeRawBufferPointer(rebasing: node.dropFirst(5)))
          }
        }
      }
    }
    let cover = nodes.withUnsafeBytes { KeyTreeCover(places: places, keys: $0) }
    guard let cover else { throw damaged("its nodes are out of order") }
    return cover
  }

  // MARK: - Writing

  /// A new key for `epoch`. One call of the key management service, before anything changes.
  package func makeKey(epoch: UInt64) async throws -> EpochKey {
    let secret = SecretBytes(random: random, count: SealingKey.keyByteCount)
    do throws(KeyManagementError) {
      let wrapped = try await keys.wrap(secret, purpose: Self.purpose, number: epoch)
      return EpochKey(epoch: epoch, secret: secret, wrapped: wrapped)
    } catch {
      throw CoverFileError.keys(error)
    }
  }

  /// Makes the first file.
  package func create(_ content: Content, under key: EpochKey) throws {
    let (head, bytes) = try sealed(content, under: key)
    do throws(KeyManagementError) {
      guard try PrivateFile.create(bytes, at: url, random: random) else {
        throw KeyManagementError.exists(path: path)
      }
    } catch {
      throw CoverFileError.keys(error)
    }
    heads.withLock { $0 = [head] }
  }

  /// Puts a new file in the place of the last one: when this returns, it is durable, and the old
  /// one's bytes are overwritten as far as the file system lets that be done. Costs a write of the
  /// whole cover, 37 bytes a node, and three fsyncs; blocks.
  package func replace(_ content: Content, under key: EpochKey) throws {
    let (head, bytes) = try sealed(content, under: key)
    let known = heads.withLock { heads in
      defer { heads.append(head) }
      return heads
    }
    do throws(KeyManagementError) {
      try PrivateFile.supersede(
        url, with: bytes, random: random,
        headByteCount: Self.prefixByteCount + Self.headerByteCountMax
      ) { found in known.contains { found.starts(with: $0) } }
    } catch {
      throw CoverFileError.keys(error)
    }
    heads.withLock { $0 = [head] }
  }

  /// Seals what is in the file anew, under a key that another key management service wraps; the
  /// epoch
  /// stays. A file that `new` opens already is left as it is.
  ///
  /// - Returns: whether there is a file.
  package static func rewrap(
    at url: URL, from old: KeyWrapper, to new: KeyWrapper, random: any RandomSource = SystemRandom()
  ) async throws -> Bool {
    let moved = CoverFile(at: url, store: nil, keys: new, random: random)
    do {
      guard let content = try await CoverFile(at: url, store: nil, keys: old, random: random).read()
      else { return false }
      let bytes = try PrivateFile.read(url, byteCountMax: moved.byteCountMax)
      let head = try moved.head(of: bytes)
      let header = try Header(fields: head.dropFirst(prefixByteCount), path: moved.path)
      moved.store.withLock { $0 = header.store }
      moved.heads.withLock { $0 = [head] }
      try await moved.replace(content, under: moved.makeKey(epoch: content.epoch))
      // What cannot be read back would be lost with the old service.
      _ = try await moved.read()
    } catch CoverFileError.keys(.otherProvider(let wrappedBy, let available)) {
      do {
        _ = try await moved.read()
      } catch CoverFileError.keys(.otherProvider) {
        throw CoverFileError.keys(.otherProvider(wrappedBy: wrappedBy, available: available))
      }
    }
    return true
  }

  private static func pieceCount(_ nodeCount: Int) -> Int {
    (nodeCount + nodesPerPiece - 1) / nodesPerPiece
  }

  private static func associatedData(_ head: [UInt8], _ piece: Int) -> [UInt8] {
    var writer = FieldWriter()
    writer.append(UInt32(piece))
    return head + writer.bytes
  }

  private func sealed(
    _ content: Content, under epochKey: EpochKey
  ) throws -> (head: [UInt8], bytes: [UInt8]) {
    precondition(content.epoch == epochKey.epoch, "each epoch has its own key")
    let cover = content.cover
    guard cover.places.count <= nodeCountMax else {
      throw CoverFileError.tooLarge(nodeCount: cover.places.count, limit: nodeCountMax)
    }
    let header = Header(
      service: keys.service, store: store.withLock { $0 ?? [] }, epoch: content.epoch,
      slotLimit: content.slotLimit,
      nodeCount: cover.places.count, wrapped: epochKey.wrapped)
    let head = header.head
    guard head.count <= Self.prefixByteCount + Self.headerByteCountMax else {
      throw damaged("its header would be too long")
    }
    let key = try SealingKey(id: Self.pieceKeyID, secret: epochKey.secret, random: random)
    var bytes = head
    for piece in 0..<Self.pieceCount(cover.places.count) {
      let first = piece * Self.nodesPerPiece
      let range = first..<min(first + Self.nodesPerPiece, cover.places.count)
      let plain = SecretBytes(byteCount: range.count * Self.nodeByteCount) { output in
        for index in range {
          let start = (index - first) * Self.nodeByteCount
          let place = cover.places[index]
          output.storeBytes(
            of: place.start.bigEndian, toByteOffset: start, as: UInt32.self)
          output[start + 4] = place.height
          cover.withKey(index) {
            UnsafeMutableRawBufferPointer(
              rebasing: output[start + 5..<start + Self.nodeByteCount]
            ).copyMemory(from: $0)
          }
        }
      }
      let sealed = try key.seal(plain, associatedData: Self.associatedData(head, piece))
      var length = FieldWriter()
      length.append(UInt32(sealed.count))
      bytes += length.bytes + sealed
    }
    return (head, bytes)
  }
}
