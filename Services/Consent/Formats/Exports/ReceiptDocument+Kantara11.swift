internal import PrivacyCore

extension ReceiptDocument {
  /// The receipt as the Kantara Initiative's Consent Receipt Specification 1.1.0 has it, JSON on
  /// one line.
  ///
  /// - Parameter allowsGaps: Write what there is, though readers may refuse it.
  /// - Throws: `unsayable` for anything but a grant, which is all that a Kantara receipt can say;
  ///   `missing` where a required field has no value.
  package func kantara11(
    _ profile: IssuerProfile, allowsGaps: Bool = false
  ) throws(ExportFault) -> String {
    guard kind == .grant else { throw .unsayable(kind) }
    let gaps = gapsKantara11(profile)
    guard gaps.isEmpty || allowsGaps else { throw .missing(gaps) }
    return kantaraValue(profile).line
  }

  /// The required fields that neither the receipt nor `profile` fills, by the specification's
  /// names.
  package func gapsKantara11(_ profile: IssuerProfile) -> [String] {
    let demands: [(String, Bool)] = [
      ("jurisdiction", !jurisdiction.isEmpty),
      ("collectionMethod", !source.isEmpty),
      ("piiController", !controller.isEmpty),
      ("contact", !profile.contact.isEmpty),
      ("address", !profile.streetAddress.isEmpty),
      ("email", !profile.email.isEmpty),
      ("phone", !profile.phone.isEmpty),
      ("policyUrl", !profile.policyURL.isEmpty),
      ("service", !profile.service.isEmpty),
      ("purposes", !scopes.isEmpty),
      ("piiCategory", !piiCategories.isEmpty),
    ]
    return demands.filter { !$0.1 }.map(\.0)
  }

  private func kantaraValue(_ profile: IssuerProfile) -> JSONValue {
    let sensitive = piiCategories.filter(profile.sensitiveCategories.contains)
    return .object([
      "version": .text("KI-CR-v1.1.0"),
      "jurisdiction": .text(jurisdiction),
      // Whole seconds; a fraction is cut off, so that no consent begins before it was given.
      "consentTimestamp": .number(Timestamp.wholeSeconds(of: grantedAt)),
      "collectionMethod": .text(source),
      "consentReceiptID": .text(consentID.description),
      "language": notice.flatMap { .said($0.language) },
      "piiPrincipalId": .text(pid.seedForm),
      "piiControllers": .list([
        .object([
          "piiController": .text(controller),
          "onBehalf": .truth(false),
          "contact": .text(profile.contact),
          "address": .object([
            "streetAddress": .said(profile.streetAddress),
            "addressCountry": .said(profile.country),
          ]),
          "email": .text(profile.email),
          "phone": .text(profile.phone),
          "piiControllerUrl": .said(profile.url),
        ])
      ]),
      "policyUrl": .text(profile.policyURL),
      "services": .list([
        .object([
          "service": .text(profile.service),
          "purposes": .list(
            answers.filter { $0.decision == .granted }.map { kantaraPurpose($0, profile) }),
        ])
      ]),
      "sensitive": .truth(!sensitive.isEmpty),
      "spiCat": .list(sensitive.map { .text($0) }),
    ])
  }

  private func kantaraPurpose(_ purpose: Purpose, _ profile: IssuerProfile) -> JSONValue {
    let retention = purpose.retention.isEmpty ? retention : purpose.retention
    return .object([
      "purpose": .text(purpose.name),
      "purposeCategory": .list([.text(profile.purposeTerms[purpose.name] ?? purpose.name)]),
      // Every receipt records an act: nothing is inferred from silence.
      "consentType": .text("EXPLICIT"),
      "piiCategory": .list(piiCategories.map { .text($0) }),
      "termination": .text(
        retention.isEmpty ? expiresAt?.description ?? "" : "kept for \(retention)"),
      "thirdPartyDisclosure": .truth(!recipients.isEmpty),
      "thirdPartyName": recipients.isEmpty ? nil : .text(recipients.joined(separator: ", ")),
    ])
  }
}

extension Timestamp {
  fileprivate static func wholeSeconds(of time: Timestamp) -> Int64 {
    let (quotient, remainder) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
