internal import FeaturesAPI
internal import Gate
internal import PrivacyCore

/// What a call reads of each person: the features asked for, put together by the scope they need.
struct ReadPlan: Sendable {
  /// The features of one scope.
  struct Group: Sendable {
    let scope: Scope
    /// The places of the features in the request.
    let places: [Int]
    let references: [FeatureReference]
    /// What they are read from.
    let parts: Set<PersonPart>
  }

  let references: [FeatureReference]
  let groups: [Group]
  let asOf: Timestamp

  init(_ references: [FeatureReference], asOf: Timestamp) {
    self.references = references
    self.asOf = asOf
    groups = Dictionary(grouping: references.indices, by: { references[$0].feature.scope })
      .sorted { $0.key < $1.key }
      .map { scope, places in
        Group(
          scope: scope, places: places, references: places.map { references[$0] },
          parts: Set(places.map { PersonPart(of: references[$0].view) }))
      }
  }

  /// What may be opened of a person now: the parts behind at least one scope that is allowed.
  func wanted(of pid: PseudonymousID, through gate: Gate) -> PersonReader.Wanted {
    var parts: Set<PersonPart> = []
    for group in groups where !group.parts.isSubset(of: parts) {
      if case .admitted = gate.admit(pid, scope: group.scope) { parts.formUnion(group.parts) }
    }
    return PersonReader.Wanted(pid: pid, parts: parts)
  }

  /// The row of a person: each scope is asked for again, now that the record is there, and its
  /// features are read under the proof or withheld.
  func row(of record: PersonRecord, through gate: Gate) -> ServedRow {
    var served = ServedRow(pid: record.pid, count: references.count)
    for group in groups {
      guard group.parts.isSubset(of: record.asked) else {
        // It was not allowed when the record was read: that nothing was found says nothing.
        for (place, reference) in zip(group.places, group.references) {
          served.withhold(
            reference, at: place, because: withholding(group.scope, of: record, gate))
        }
        continue
      }
      switch gate.admit(record.pid, scope: group.scope) {
      case .withheld(let reason):
        for (place, reference) in zip(group.places, group.references) {
          served.withhold(reference, at: place, because: "\(group.scope): \(reason)")
        }
      case .admitted(let proof):
        let consentID = proof.consentID
        let readings = record.readings(of: group.references, asOf: asOf, under: proof)
        for index in group.places.indices {
          served.serve(
            readings[index], of: group.references[index], at: group.places[index],
            under: consentID)
          served.consentIDs.insert(consentID)
        }
      }
    }
    return served
  }

  /// Why what was not looked for is withheld, also where it is allowed by now.
  private func withholding(_ scope: Scope, of record: PersonRecord, _ gate: Gate) -> String {
    switch gate.admit(record.pid, scope: scope) {
    case .withheld(let reason): "\(scope): \(reason)"
    case .admitted: "\(scope): allowed only since a moment ago"
    }
  }
}

/// The answer for one person.
struct ServedRow: Sendable {
  private(set) var message: FeatureRow
  private(set) var withheldCount = 0
  /// About how many bytes the message has.
  private(set) var byteCount: Int
  /// The receipts it stands on.
  var consentIDs: Set<ConsentID> = []

  init(pid: PseudonymousID, count: Int) {
    message = FeatureRow(
      pid: pid.bytes, features: Array(repeating: FeatureValue(), count: count))
    byteCount = 40
  }

  /// Nothing of the person: the default where one is declared, and why.
  mutating func withhold(_ reference: FeatureReference, at place: Int, because reason: String) {
    withheldCount += 1
    set(
      FeatureValue(
        name: reference.name,
        status: reference.feature.defaultValue == nil ? .withheld : .default,
        value: reference.feature.defaultValue?.message, reason: reason),
      of: reference.feature.defaultValue, at: place)
  }

  mutating func serve(
    _ reading: FeatureReading, of reference: FeatureReference, at place: Int,
    under consentID: ConsentID
  ) {
    var value = FeatureValue(name: reference.name, consentID: consentID.description)
    var datum: FeatureDatum?
    switch reading {
    case .present(let present, let time):
      datum = present
      value.status = .present
      value.eventTimeUs = time.microseconds
    case .null(let time):
      value.status = .null
      value.eventTimeUs = time.microseconds
    case .expired(let time):
      value.status = .expired
      value.reason = "older than the view's time to live"
      value.eventTimeUs = time.microseconds
      datum = reference.feature.defaultValue
    case .notFound:
      value.status = .notFound
      datum = reference.feature.defaultValue
    }
    if datum != nil, value.status != .present {
      value.status = .default
      value.eventTimeUs = 0
    }
    value.value = datum?.message
    set(value, of: datum, at: place)
  }

  private mutating func set(_ value: FeatureValue, of datum: FeatureDatum?, at place: Int) {
    message.features[place] = value
    byteCount +=
      value.name.utf8.count + value.reason.utf8.count + 60
      + (datum?.messageByteCount ?? 0)
  }
}
