package import PrivacyCore
package import RPC

/// Where the rows of a person stand, and what the person is called.
package struct PersonPlace: Equatable, Sendable {
  /// The pid that the rows stand under.
  package let place: PseudonymousID
  /// Every pid that means the person, oldest first: one, as long as nobody was renamed.
  package let names: [PseudonymousID]

  /// The rows of a person with these names stand under `place`.
  package init(place: PseudonymousID, names: [PseudonymousID]) {
    self.place = place
    self.names = names
  }
}

/// A person was renamed between the look at the names and the transaction: look again.
package struct PlaceChanged: Error {
  /// The error.
  package init() {}
}

/// Looking again did not help.
package struct PlaceUnsettled: RPCErrorConvertible {
  package var rpcError: RPCError {
    RPCError(.aborted, "these people are being renamed too fast; try again")
  }
}
