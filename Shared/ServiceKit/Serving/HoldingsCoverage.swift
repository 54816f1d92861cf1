/// Where a table stands in what a person is told: every table of every service says so, and a test
/// fails for one that does not.
package enum HoldingsCoverage: Hashable, Sendable {
  /// Its rows about the person are records of a section.
  case section(String)
  /// It says nothing that the section does not say: an index, a place.
  case within(String, because: String)
  /// It holds nothing of a person.
  case notAboutPeople(because: String)
}

extension HoldingsCoverage {
  /// What a person is told of the tables of a service's log. `{service}` stands for its name.
  package static let audit: [String: HoldingsCoverage] = [
    "audit_entries": .section("{service}.log"),
    "audit_reads": .within("{service}.log", because: "reads are entries of batches"),
    "audit_leaves": .notAboutPeople(because: "commitments, which tell nothing without a salt"),
    "audit_checkpoints": .notAboutPeople(because: "sizes and root hashes"),
    "audit_cosigned": .notAboutPeople(because: "sizes and root hashes"),
    "audit_read_leaves": .notAboutPeople(because: "commitments, which tell nothing without a salt"),
    "audit_batches": .notAboutPeople(because: "hashes"),
    "audit_state": .notAboutPeople(because: "the format, and times of the whole log"),
    "audit": .notAboutPeople(because: "a store that has rows there is refused"),
  ]
}

extension HoldingsCoverage {
  /// What a person is told of the tables that a store keeps while people are renamed.
  package static func renaming(within section: String) -> [String: HoldingsCoverage] {
    [
      "places": .within(section, because: "the person's other pid, until the rotation is over"),
      "moves": .within(section, because: "whose rows are to be moved to another pid"),
      "rekeying": .notAboutPeople(because: "how many people were renamed and moved"),
      "retired_rotations": .notAboutPeople(because: "which rotation of pid keys is over"),
    ]
  }
}
