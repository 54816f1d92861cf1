/// Keeps at most so many events of each person: the first ones, so that nobody's choice depends
/// on anybody else's.
public struct ContributionBounder<Person: Hashable, Event> {
  /// The most events kept for one person.
  public let eventsPerPersonMax: Int
  private var eventsByPerson: [Person: [Event]] = [:]

  /// Refuses limits below 1 or above 2^31.
  public init(eventsPerPersonMax: Int) throws(DifferentialPrivacyError) {
    guard (1...PrivateAggregator.contributionLimitMax).contains(eventsPerPersonMax) else {
      throw .invalidContributionLimit(eventsPerPersonMax)
    }
    self.eventsPerPersonMax = eventsPerPersonMax
  }

  /// Keeps the event; false if the person has as many as allowed already.
  @discardableResult
  public mutating func add(_ event: Event, of person: Person) -> Bool {
    guard eventsByPerson[person, default: []].count < eventsPerPersonMax else { return false }
    eventsByPerson[person, default: []].append(event)
    return true
  }

  /// The kept events, one list for each person: what `PrivateAggregator` takes.
  public var contributions: some Collection<[Event]> { eventsByPerson.values }

  /// Each person's kept events.
  public var contributionsByPerson: [Person: [Event]] { eventsByPerson }
}

extension ContributionBounder: Sendable where Person: Sendable, Event: Sendable {}

extension NoiseSampler {
  /// A Poisson sample: each person independently with the given probability. Charge the step as
  /// `PrivacyCharge.sampledGaussian`; who was drawn must stay secret.
  public mutating func poissonSample<Person>(
    of people: some Sequence<Person>, rate: SamplingRate
  ) -> [Person] {
    var chosen: [Person] = []
    for person in people where happens(at: rate) { chosen.append(person) }
    return chosen
  }
}
