public import Cryptography

extension KeyID {
  /// The id that stands in front of rows sealed with the key of one person. Such keys are many and
  /// are found by the person, so one id serves them all; no store's own key may carry it.
  public static let subject = KeyID(rawValue: .max)
}
