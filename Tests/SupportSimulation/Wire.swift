internal import NIOCore
internal import PrivacyCore

/// One direction of a connection: cuts what is written into frames, and decides when each arrives.
///
/// `@unchecked Sendable`: see `World`.
final class Wire: @unchecked Sendable {
  private let network: SimulatedNetwork
  private let name: LinkName
  /// Everything that was sent, for a duplicate of the connection; `nil` where none is wanted.
  private(set) var record: [Frame]?
  private weak var receiver: SimulatedChannel?
  private weak var sender: SimulatedChannel?
  /// What is not a whole frame yet.
  private var part = ByteBuffer()
  private var lastArrival: Int64 = 0
  /// When the link has sent all that it was given, where it is narrow.
  private var freeAt: Int64 = 0
  /// When the last frame of each stream arrives: within a stream nothing is overtaken.
  private var lastArrivals: [UInt32: Int64] = [:]
  /// What waits until the link is free, the end of the connection last.
  private var held: [Frame] = []
  private var endIsHeld = false
  private var isCut = false

  struct Frame: Sendable {
    let bytes: ByteBuffer
    let outline: FrameOutline
  }

  init(_ network: SimulatedNetwork, _ name: LinkName, isRecorded: Bool) {
    self.network = network
    self.name = name
    record = isRecorded ? [] : nil
  }

  func connect(from sender: SimulatedChannel, to receiver: SimulatedChannel) {
    self.sender = sender
    self.receiver = receiver
  }

  // MARK: - Sending

  /// Takes what was written.
  func send(_ bytes: ByteBuffer) {
    part.writeImmutableBuffer(bytes)
    while let length = part.getInteger(at: part.readerIndex, as: UInt32.self),
      let frame = part.readSlice(length: 4 + Int(length))
    {
      send(Frame(bytes: frame, outline: FrameOutline(frame)))
    }
    if part.readableBytes == 0 { part.clear() }
  }

  private func send(_ frame: Frame) {
    guard !isCut else { return }
    record?.append(frame)
    if network[name].isBlocked { held.append(frame) } else { dispatch(frame) }
  }

  /// The sender closes; the receiver learns of it behind all that was sent.
  func end() {
    guard !isCut else { return }
    if network[name].isBlocked { endIsHeld = true } else { dispatchEnd() }
  }

  /// The link is free again.
  func release() {
    let frames = held
    held = []
    for frame in frames { dispatch(frame, isRetransmission: true) }
    if endIsHeld {
      endIsHeld = false
      dispatchEnd()
    }
  }

  // MARK: - Travelling

  private func dispatch(_ frame: Frame, isRetransmission: Bool = false) {
    let link = network[name]
    let world = network.world
    if world.random.happens(perMille: link.dropPerMille) {
      sender?.sent(frame.bytes.readableBytes)
      return
    }
    if world.random.happens(perMille: link.cutPerMille) {
      cut(in: frame)
      return
    }
    let byteCount = frame.bytes.readableBytes
    var delay = world.random.number(in: link.delay)
    if link.bytesPerSecond > 0 {
      freeAt =
        max(freeAt, world.now) + Int64(byteCount) * 1_000_000 / link.bytesPerSecond
      delay += freeAt - world.now
      sender?.process.after(freeAt - world.now) { [weak sender] in sender?.sent(byteCount) }
    } else {
      sender?.sent(byteCount)
    }
    if isRetransmission || world.random.happens(perMille: link.lossPerMille) {
      delay += link.retransmissionDelay
    }
    let stream = frame.outline.stream
    var arrival = max(world.now + delay, lastArrivals[stream] ?? 0)
    if frame.outline.mayBeOvertaken, world.random.happens(perMille: link.reorderPerMille) {
      // Later ones of other streams may come before it; the order in front of it stays.
      arrival = max(arrival, lastArrival) + world.random.number(in: 0...link.reorderDelay)
    } else {
      arrival = max(arrival, lastArrival)
      lastArrival = arrival
    }
    lastArrivals[stream] = arrival
    deliver(frame.bytes, at: arrival, splits: world.random.happens(perMille: link.splitPerMille))
  }

  private func deliver(_ bytes: ByteBuffer, at arrival: Int64, splits: Bool) {
    guard let receiver else { return }
    var rest = bytes
    var pieces: [ByteBuffer] = []
    if splits {
      let length = Int(network.world.random.next() % UInt64(bytes.readableBytes))
      if let first = rest.readSlice(length: length) { pieces.append(first) }
    }
    pieces.append(rest)
    for piece in pieces {
      receiver.process.after(arrival - network.world.now) { [weak receiver] in
        receiver?.receive(piece)
      }
    }
  }

  private func dispatchEnd() {
    guard let receiver else { return }
    let arrival = max(lastArrivals.values.max() ?? 0, lastArrival, network.world.now + 20)
    receiver.process.after(arrival - network.world.now) { [weak receiver] in receiver?.breakOff() }
  }

  /// Breaks the connection in the middle of a frame, for both ends.
  private func cut(in frame: Frame) {
    isCut = true
    let length = Int(network.world.random.next() % UInt64(frame.bytes.readableBytes))
    var rest = frame.bytes
    if let first = rest.readSlice(length: length) {
      deliver(first, at: max(lastArrival, network.world.now + 20), splits: false)
    }
    dispatchEnd()
    sender?.process.after(100) { [weak sender] in sender?.breakOff() }
  }
}

/// The little that the network must know of a frame.
struct FrameOutline: Sendable {
  /// The stream it belongs to; 0 for those of the connection.
  let stream: UInt32
  /// Whether frames of other streams may come before it. What concerns the connection, and what
  /// opens a stream, keeps its place: the ids of new streams only grow.
  let mayBeOvertaken: Bool

  private static let call: UInt8 = 2

  /// Reads the beginning of a whole frame with its length: kind (tag 1) and stream (tag 2) come
  /// first, both as varints.
  init(_ frame: ByteBuffer) {
    var bytes = frame.readableBytesView.dropFirst(4)
    guard bytes.popFirst() == 0x08, let kind = bytes.popFirst(), bytes.popFirst() == 0x10 else {
      stream = 0
      mayBeOvertaken = false
      return
    }
    var stream: UInt32 = 0
    for (index, byte) in bytes.prefix(5).enumerated() {
      stream |= UInt32(byte & 0x7F) << UInt32(7 * index)
      if byte & 0x80 == 0 { break }
    }
    self.stream = stream
    mayBeOvertaken = stream != 0 && kind != Self.call
  }
}
