internal import PrivacyCore
internal import Testing

@Suite("Timestamps")
struct TimestampTests {
  @Test(
    "RFC 3339 texts are read to the microsecond",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2026-01-10T12:34:56Z", 1_768_048_496_000_000),
      ("1969-12-31T23:59:59.5Z", -500_000), ("2000-02-29T00:00:00+01:00", 951_778_800_000_000),
      ("2010-12-01 08:26:00", 1_291_191_960_000_000), ("2010-12-01", 1_291_161_600_000_000),
      ("2026-01-10T12:34:56.1234567-00:30", 1_768_050_296_123_456),
    ] as [(String, Int64)])
  func read(text: String, microseconds: Int64) {
    #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
  }

  @Test(
    "what is no date is refused",
    arguments: [
      "", "2026", "2026-13-01", "2026-02-29", "2025-02-29T00:00:00Z", "2026-01-10T24:00:00Z",
      "2026-01-10T12:60:00Z", "2026-01-10T12:34:56ZZ", "2026-01-10T12:34:56+1", "10/01/2026",
      "2026-01-10T12:34:56.Z", "2026-01-10T12:34:56.1234567890Z", "2026-1-1",
    ])
  func refused(text: String) { #expect(Timestamp(rfc3339: text) == nil) }

  @Test(
    "an instant survives its text",
    arguments: [0, -1, 951_782_400_000_001, -2_208_988_800_000_000] as [Int64])
  func roundTrip(microseconds: Int64) {
    let instant = Timestamp(microseconds: microseconds)
    #expect(Timestamp(rfc3339: instant.description) == instant)
  }

  @Test("days are counted from the epoch and round down")
  func days() {
    #expect(Timestamp(microseconds: -1).day == -1)
    #expect(Timestamp(rfc3339: "1970-01-02")?.day == 1)
  }

  @Test("advancing past the last instant stays there")
  func saturates() {
    #expect(Timestamp(microseconds: .max).advanced(byMicroseconds: 1).microseconds == .max)
    #expect(Timestamp(microseconds: .min).advanced(byMicroseconds: -1).microseconds == .min)
  }
}
