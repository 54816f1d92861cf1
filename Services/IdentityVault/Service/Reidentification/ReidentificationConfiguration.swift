/// The settings of re-identification.
package struct ReidentificationConfiguration: Sendable {
  /// How many people other than the requester must approve.
  package static let approvalCount = 2
  /// The most bytes of a purpose, a ticket and a reason, as in the schema.
  package static let purposeByteCountMax = 256
  package static let ticketByteCountMax = 128
  package static let reasonByteCountMax = 256
  /// For how long a second person can agree to open a frozen path, in seconds.
  package static let unfreezeSeconds: Int64 = 3_600

  /// For how long a request waits for its approvals, in seconds: 60 to 30 days.
  package var requestSeconds: Int64 = 3 * 86_400
  /// For how long a warrant is valid, in seconds from the second approval: 1 to one day.
  package var warrantSeconds: Int64 = 3_600
  /// The most people of one request, 1 to 100.
  package var peoplePerRequestMax = 100
  /// The most cases of one requester that are open or approved, 1 to 1,000.
  package var openCasesPerRequesterMax = 10

  /// The defaults.
  package init() {}

  /// What is wrong with it, or `nil`.
  package var fault: String? {
    if !(60...30 * 86_400).contains(requestSeconds) {
      return "a request waits 60 to 2,592,000 seconds, not \(requestSeconds)"
    }
    if !(1...86_400).contains(warrantSeconds) {
      return "a warrant is valid for 1 to 86,400 seconds, not \(warrantSeconds)"
    }
    if !(1...100).contains(peoplePerRequestMax) {
      return "a request names 1 to 100 people, not \(peoplePerRequestMax)"
    }
    if !(1...1_000).contains(openCasesPerRequesterMax) {
      return "a requester has 1 to 1,000 open cases, not \(openCasesPerRequesterMax)"
    }
    return nil
  }
}
