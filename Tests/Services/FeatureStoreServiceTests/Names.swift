internal import FeatureStoreService
internal import PrivacyCore

extension Optional where Wrapped == Scope {
  /// The scope of a name that a test knows to be one.
  var unsafelyKnown: Scope {
    guard let self else { preconditionFailure("not the name of a scope") }
    return self
  }
}
