internal import AuditAPI
internal import ConsentAPI
internal import FeaturesAPI
internal import FuzzDriver
internal import HealthAPI
internal import TrainerAPI
internal import VaultAPI
internal import VectorsAPI
internal import WireFormat

/// Every message that a service receives or stores: bytes from outside are refused or read, never
/// more; what was read and packed again reads as the same.
@main
enum FuzzMessages {
  static func main() {
    fuzz { bytes, count in
      FuzzMessages.run(UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
  }

  /// The first byte picks the message, the rest are its bytes.
  private static func run(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return }
    let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    decoders[Int(first) % decoders.count](rest)
  }

  private static let decoders: [@Sendable (UnsafeRawBufferPointer) -> Void] = [
    decoder(of: Hello.self), decoder(of: Status.self), decoder(of: Goaway.self),
    decoder(of: GrantRequest.self), decoder(of: WithdrawRequest.self),
    decoder(of: ConsentAPI.CheckRequest.self), decoder(of: CheckBatchRequest.self),
    decoder(of: ImportChunk.self), decoder(of: RecordSignalRequest.self),
    decoder(of: ExportRequest.self), decoder(of: GateMessage.self), decoder(of: GateEvent.self),
    decoder(of: EraseRequest.self), decoder(of: PseudonymizeRequest.self),
    decoder(of: LinkRequest.self), decoder(of: SubjectKeysRequest.self),
    decoder(of: ForgetManyRequest.self), decoder(of: ApplyViewsRequest.self),
    decoder(of: WriteRowsRequest.self), decoder(of: WriteEventsRequest.self),
    decoder(of: GetRequest.self), decoder(of: GetReply.self), decoder(of: TrainingBatch.self),
    decoder(of: StoredEvents.self), decoder(of: CreateBudgetRequest.self),
    decoder(of: QueryRequest.self), decoder(of: TrainRequest.self), decoder(of: ModelChunk.self),
    decoder(of: CreateCollectionRequest.self), decoder(of: UpsertRequest.self),
    decoder(of: SearchRequest.self), decoder(of: RecommendRequest.self),
    decoder(of: StoredVector.self), decoder(of: AuditRecord.self),
    decoder(of: BackupRequest.self), decoder(of: RequestReidentificationRequest.self),
    decoder(of: RedeemWarrantRequest.self), decoder(of: CaseRecord.self),
    decoder(of: MergeRequest.self), decoder(of: MarkSharedRequest.self),
  ]

  private static func decoder<Message: WireMessage>(
    of type: Message.Type
  ) -> @Sendable (UnsafeRawBufferPointer) -> Void {
    { bytes in
      guard let message = try? Message(packed: bytes) else { return }
      let packed = message.packed()
      // The usual limit goes by the packed size, which may be less now: unknown fields are gone.
      guard let again = try? Message(packed: packed, limit: UnpackLimit(byteCount: 64 << 20)) else {
        fatalError("\(Message.messageName) does not read what it packed")
      }
      guard again.packed() == packed else {
        fatalError("\(Message.messageName) packs otherwise what it read")
      }
    }
  }
}
