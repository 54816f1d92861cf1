/// A frame without metadata and trace, which is nearly every one: plain numbers, written and read
/// where they lie, without protobuf-c and without memory of its own.
///
/// The bytes are those that protobuf-c writes. What is read here is only the plain form (known
/// fields, each once, in the order of their numbers); everything else is left to `FrameCodec.read`,
/// so that protobuf-c decides what is a frame.
public struct FrameHead: Equatable, Sendable {
  /// The number of a `FrameKind`.
  public var kind: UInt32
  /// The call this frame belongs to; 0 is the connection itself.
  public var stream: UInt32
  /// The method's id, in CALL only.
  public var method: UInt32
  /// Bits: 1 END_STREAM, 2 MORE.
  public var flags: UInt32
  /// How long the caller waits, in microseconds; 0 is without limit.
  public var timeoutUs: UInt64
  /// The status code.
  public var status: UInt32
  /// Bytes granted.
  public var credit: UInt32
  /// Where the payload stands in the bytes that were read, and how long it is.
  public var payloadStart = 0
  /// The payload's length in bytes.
  public var payloadByteCount = 0

  /// A head with these fields, the others absent.
  public init(
    kind: UInt32 = 0, stream: UInt32 = 0, method: UInt32 = 0, flags: UInt32 = 0,
    timeoutUs: UInt64 = 0, status: UInt32 = 0, credit: UInt32 = 0
  ) {
    self.kind = kind
    self.stream = stream
    self.method = method
    self.flags = flags
    self.timeoutUs = timeoutUs
    self.status = status
    self.credit = credit
  }
}

// MARK: - Writing

extension FrameHead {
  /// What `write` needs at most, prefix and payload's length included.
  public static let byteCountMax = 64

  /// Writes the prefix and everything up to the payload's first byte, which must follow; returns
  /// how many bytes those are. The target has room for `byteCountMax`.
  public func write(payloadByteCount: Int, into target: UnsafeMutableRawBufferPointer) -> Int {
    precondition(target.count >= Self.byteCountMax, "no room for the head of a frame")
    var writer = unsafe HeadWriter(target: target, index: FrameCodec.prefixByteCount)
    writer.field(1, UInt64(kind))
    writer.field(2, UInt64(stream))
    if method != 0 {
      writer.byte(3 << 3 | 5)
      unsafe target.storeBytes(
        of: method.littleEndian, toByteOffset: writer.index, as: UInt32.self)
      writer.index += 4
    }
    writer.field(4, UInt64(flags))
    writer.field(5, timeoutUs)
    writer.field(6, UInt64(status))
    writer.field(7, UInt64(credit))
    if payloadByteCount > 0 {
      writer.byte(15 << 3 | 2)
      writer.varint(UInt64(payloadByteCount))
    }
    let byteCount = writer.index - FrameCodec.prefixByteCount + payloadByteCount
    guard let prefix = UInt32(exactly: byteCount) else { preconditionFailure("a frame over 4 GiB") }
    unsafe target.storeBytes(of: prefix.bigEndian, as: UInt32.self)
    return writer.index
  }
}

@safe private struct HeadWriter {
  let target: UnsafeMutableRawBufferPointer
  var index: Int

  mutating func byte(_ byte: UInt8) {
    unsafe target[index] = byte
    index += 1
  }

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      byte(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    byte(UInt8(truncatingIfNeeded: rest))
  }

  mutating func field(_ number: UInt8, _ value: UInt64) {
    if value == 0 { return }
    byte(number << 3)
    varint(value)
  }
}

// MARK: - Reading

extension FrameHead {
  /// Reads one frame, given without its prefix; `nil` when `FrameCodec.read` must decide.
  public init?(plain bytes: UnsafeRawBufferPointer) {
    self.init()
    var reader = unsafe HeadReader(bytes: bytes)
    var last: UInt8 = 0
    while reader.index < bytes.count {
      let key = unsafe bytes[reader.index]
      reader.index += 1
      guard key > last else { return nil }
      last = key
      switch key {
      case 1 << 3: kind = reader.number()
      case 2 << 3: stream = reader.number()
      case 3 << 3 | 5: method = reader.fixed()
      case 4 << 3: flags = reader.number()
      case 5 << 3: timeoutUs = reader.varint()
      case 6 << 3: status = reader.number()
      case 7 << 3: credit = reader.number()
      case 15 << 3 | 2:
        payloadByteCount = Int(reader.number())
        payloadStart = reader.index
        // The payload is the last field.
        guard payloadByteCount == bytes.count - reader.index else { return nil }
        reader.index = bytes.count
      default: return nil
      }
      if reader.isAmiss { return nil }
    }
    // 1...9 are the kinds of this version.
    guard kind >= 1, kind <= 9 else { return nil }
  }
}

@safe private struct HeadReader {
  let bytes: UnsafeRawBufferPointer
  var index = 0
  var isAmiss = false

  mutating func varint() -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    // Nine bytes hold 63 bits; longer ones are protobuf-c's to judge.
    while unsafe index < bytes.count, shift < 63 {
      let byte = unsafe bytes[index]
      index += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    isAmiss = true
    return 0
  }

  mutating func number() -> UInt32 {
    let value = varint()
    if value > UInt64(UInt32.max) { isAmiss = true }
    return UInt32(truncatingIfNeeded: value)
  }

  mutating func fixed() -> UInt32 {
    guard unsafe bytes.count - index >= 4 else {
      isAmiss = true
      return 0
    }
    defer { index += 4 }
    return UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
  }
}
