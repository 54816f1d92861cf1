internal import RPC
internal import SealedStore
internal import ServiceKit
internal import Testing

@Suite("What a caller learns of its service's store")
struct StoreErrorTests {
  @Test(
    "what passes by itself is UNAVAILABLE, what was too much RESOURCE_EXHAUSTED",
    arguments: [
      (StoreError.closed, StatusCode.unavailable), (.diskFull("x"), .unavailable),
      (.mapFull(limit: 1), .unavailable), (.inputOutput("x"), .unavailable),
      (.reopenNeeded, .unavailable), (.overloaded(limit: 1), .resourceExhausted),
      (.tooManyReaders(limit: 1), .resourceExhausted),
      (.transactionTooLarge(byteCount: 2, limit: 1), .resourceExhausted),
      (.valueTooLarge(byteCount: 2, limit: 1), .resourceExhausted),
    ])
  func told(error: StoreError, code: StatusCode) {
    #expect(error.rpcError.code == code)
    #expect(!error.rpcError.message.isEmpty)
  }

  @Test(
    "of a fault the caller learns that it is one, and no more",
    arguments: [StoreError.corrupted("row 7"), .wrongKey, .unreadable(table: "receipts")])
  func fault(error: StoreError) {
    #expect(error.rpcError == RPCError(.internalError, ""))
  }
}
