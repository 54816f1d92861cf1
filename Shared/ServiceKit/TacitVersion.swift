/// The version of all programs of this package.
public enum TacitVersion {
  /// As in the CHANGELOG.
  public static let text = "0.1.0"
}
