internal import ConsentAPI
internal import Pipeline
internal import Testing

@Suite("Why rows are not taken")
struct CheckReasonTests {
  @Test(
    "every reason is a sentence and not the name of a case",
    arguments: [
      CheckReason.unspecified, .granted, .neverAsked, .withdrawn, .expired, .notYetValid, .erased,
      .denied, .restricted, .objected, .unrecognized(99),
    ])
  func sentences(reason: CheckReason) {
    #expect(reason.sentence.contains(" "))
  }
}
