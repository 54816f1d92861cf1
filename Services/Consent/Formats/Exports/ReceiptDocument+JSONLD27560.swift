internal import PrivacyCore

extension ReceiptDocument {
  /// The receipt as ISO/IEC TS 27560 has it, in JSON-LD with the terms of the Data Privacy
  /// Vocabulary: a `dpv:ConsentReceipt` around a `dpv:ConsentRecord`, on one line. The shape is
  /// that of the DPVCG's guide "Consent Records and Receipts as per ISO/IEC TS 27560:2023".
  ///
  /// - Parameter allowsGaps: Write what there is; the text then does not claim to conform.
  /// - Throws: `missing` where a mandatory field of the guide has no value.
  package func jsonLD27560(
    _ profile: IssuerProfile, allowsGaps: Bool = false
  ) throws(ExportFault) -> String {
    let gaps = gaps27560(profile)
    guard gaps.isEmpty || allowsGaps else { throw .missing(gaps) }
    return JSONLDWriter(receipt: self, profile: profile, conforms: gaps.isEmpty).receiptValue.line
  }

  /// The mandatory fields of the guide that neither the receipt nor `profile` fills, by the names
  /// of ISO/IEC TS 27560.
  package func gaps27560(_ profile: IssuerProfile) -> [String] {
    let answers = answers
    let hasRetention =
      !retention.isEmpty || (!answers.isEmpty && answers.allSatisfy { !$0.retention.isEmpty })
    let demands: [(String, Bool)] = [
      ("privacy_notice", notice?.id.isEmpty == false),
      ("language", notice?.language.isEmpty == false),
      ("purposes", !answers.isEmpty),
      ("pii_type", !piiCategories.isEmpty),
      ("pii_controllers", !controller.isEmpty),
      ("storage_locations", !profile.storageLocations.isEmpty),
      ("retention_period", hasRetention),
      ("jurisdiction", !jurisdiction.isEmpty),
      ("withdrawal_method", !withdrawalMethod.isEmpty),
      ("privacy_rights", !profile.rightsURL.isEmpty),
      ("party_address", !profile.streetAddress.isEmpty),
      ("party_contact", !profile.contact.isEmpty || !profile.email.isEmpty),
    ]
    return demands.filter { !$0.1 }.map(\.0)
  }
}

/// Builds the nodes of one receipt.
private struct JSONLDWriter {
  let receipt: ReceiptDocument
  let profile: IssuerProfile
  let conforms: Bool

  private func node(_ iri: String) -> JSONValue { .object(["@id": .text(iri)]) }

  private func nodes(_ iris: [String]) -> JSONValue? {
    iris.isEmpty ? nil : iris.count == 1 ? node(iris[0]) : .list(iris.map(node))
  }

  private func time(_ time: Timestamp) -> JSONValue {
    .object(["@value": .text(time.description), "@type": .text("xsd:dateTime")])
  }

  private func iri(_ kind: String, _ name: String) -> String {
    profile.baseIRI + kind + ":" + Self.percentEncoded(name)
  }

  /// What RFC 3986 reserves nothing of stays; everything else becomes %XX.
  private static func percentEncoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "%" + Hexadecimal.encode([byte])
      }
    }
    return result
  }

  private var personIRI: String { iri("person", receipt.pid.description) }
  private var controllerIRI: String { iri("controller", receipt.controller) }

  // MARK: Receipt and record

  var receiptValue: JSONValue {
    let id = receipt.consentID.description
    return .object([
      "@context": DPVTerms.context,
      "@id": .text(iri("receipt", id)),
      "@type": .text("dpv:ConsentReceipt"),
      "dct:conformsTo": conforms ? node(DPVTerms.receiptSchema) : nil,
      "dpv:hasIdentifier": .text(id),
      "dct:created": time(receipt.recordedAt ?? receipt.grantedAt),
      "dct:publisher": controllerNode,
      "dct:audience": node(personIRI),
      "dpv:hasRecordOfActivity": recordValue,
    ])
  }

  private var recordValue: JSONValue {
    let id = receipt.consentID.description
    let answers = receipt.answers
    let processes = answers.enumerated().map { index, answer in
      processValue(answer, number: index + 1)
    }
    return .object([
      "@id": .text(iri("record", id)),
      "@type": .text("dpv:ConsentRecord"),
      "dct:conformsTo": conforms ? node(DPVTerms.recordSchema) : nil,
      "dct:identifier": .text(id),
      "dpv:hasIdentifier": .text(id),
      "dct:created": time(receipt.recordedAt ?? receipt.grantedAt),
      "dct:provenance": provenanceValue,
      "dpv:hasDataSubject": personValue,
      "dpv:hasNotice": receipt.notice.map(noticeValue),
      "dpv:hasProcess": processes.isEmpty ? nil : .list(processes),
      // A receipt without scopes speaks of all there were: its event belongs to no process.
      "dpv:hasConsentStatus": processes.isEmpty ? statusValue(nil) : nil,
      "dpv:hasEntity": entityValues.isEmpty ? nil : .list(entityValues),
    ])
  }

  private var personValue: JSONValue {
    .object([
      "@id": .text(personIRI), "@type": .text("dpv:DataSubject"),
      "dct:identifier": .text(receipt.pid.seedForm),
      "dpv:hasIdentifier": .text(receipt.pid.seedForm),
    ])
  }

  /// Where in its chain the receipt stands, which no vocabulary has terms for.
  private var provenanceValue: JSONValue? {
    let value: JSONValue = .object([
      "@type": .text("dct:ProvenanceStatement"),
      "tacit:sequence": receipt.sequence.map { .number(Int64(clamping: $0)) },
      "tacit:personSequence": receipt.personSequence.map { .number(Int64(clamping: $0)) },
      "tacit:previousReceiptSha256": .said(Hexadecimal.encode(receipt.previousHash)),
      "tacit:evidenceSha256": .said(Hexadecimal.encode(receipt.evidenceHash)),
    ])
    guard case .members(let members) = value, members.count > 1 else { return nil }
    return value
  }

  private func noticeValue(_ notice: ReceiptDocument.Notice) -> JSONValue {
    .object([
      "@id": .text(iri("notice", "\(notice.id).v\(receipt.version)")),
      "@type": .text("dpv:ConsentNotice"),
      "dct:identifier": .said(notice.id),
      "schema:version": .text(String(receipt.version)),
      "dct:language": .said(notice.language),
      "schema:sha256": .said(Hexadecimal.encode(notice.textHash)),
    ])
  }

  // MARK: Processes

  private func processValue(_ answer: ReceiptDocument.Purpose, number: Int) -> JSONValue {
    let bases = DPVTerms.legalBases(answer.legalBasis, jurisdiction: receipt.jurisdiction)
    let personalData = receipt.piiCategories.map(personalDataValue)
    return .object([
      "@id": .text(iri("process", "\(receipt.consentID).\(number)")),
      "@type": .text("dpv:Process"),
      "dpv:hasPurpose": purposeValue(answer),
      "dpv:hasLegalBasis": nodes(bases),
      "dpv:hasPersonalData": personalData.isEmpty ? nil : .list(personalData),
      "dpv:hasStorageCondition": storageValue(answer),
      "dpv:hasDataController": controllerNode,
      "dpv:hasRecipient": recipientNodes,
      "dpv:hasConsentControl": controlValue,
      "dpv:hasJurisdiction": jurisdictionValue,
      "dpv:hasRight": rightValue,
      "dpv:hasConsentStatus": statusValue(answer),
    ])
  }

  private func purposeValue(_ answer: ReceiptDocument.Purpose) -> JSONValue {
    let above = answer.coveredBy.isEmpty ? nil : node(iri("purpose", answer.coveredBy))
    return .object([
      "@id": .text(iri("purpose", answer.name)),
      "@type": .text("dpv:Purpose"),
      "skos:broader": node(profile.purposeTerms[answer.name] ?? "dpv:Purpose"),
      "skos:prefLabel": .text(answer.name),
      "tacit:coveredBy": above,
    ])
  }

  private var controllerNode: JSONValue? {
    receipt.controller.isEmpty ? nil : node(controllerIRI)
  }

  /// The controller receives the data too; left out, it would be said not to.
  private var recipientNodes: JSONValue? {
    let own = receipt.controller.isEmpty ? [] : [controllerIRI]
    return nodes(own + receipt.recipients.map { iri("recipient", $0) })
  }

  private var controlValue: JSONValue? {
    guard !receipt.withdrawalMethod.isEmpty else { return nil }
    return .object([
      "@type": .text("dpv:WithdrawConsent"),
      "dpv:isExercisedAt": .text(receipt.withdrawalMethod),
    ])
  }

  private var jurisdictionValue: JSONValue? {
    guard !receipt.jurisdiction.isEmpty else { return nil }
    if let location = DPVTerms.location(receipt.jurisdiction) { return node(location) }
    return .object([
      "@type": .text("dpv:Jurisdiction"), "skos:prefLabel": .text(receipt.jurisdiction),
    ])
  }

  private var rightValue: JSONValue? {
    guard !profile.rightsURL.isEmpty else { return nil }
    let types =
      DPVTerms.isUnderGDPR(receipt.jurisdiction)
      ? ["dpv:DataSubjectRight", DPVTerms.right(receipt.kind)] : ["dpv:DataSubjectRight"]
    return .object([
      "@type": .list(types.map { .text($0) }), "dpv:isExercisedAt": .text(profile.rightsURL),
    ])
  }

  private func personalDataValue(_ category: String) -> JSONValue {
    let isSensitive = profile.sensitiveCategories.contains(category)
    return .object([
      "@type": .text(isSensitive ? "dpv:SensitivePersonalData" : "dpv:PersonalData"),
      // A term of DPV's taxonomy of personal data names its category; other words are a label.
      "skos:broader": category.hasPrefix("pd:") ? node(category) : nil,
      "skos:prefLabel": .text(category),
    ])
  }

  private func storageValue(_ answer: ReceiptDocument.Purpose) -> JSONValue? {
    var conditions: [JSONValue] = []
    let retention = answer.retention.isEmpty ? receipt.retention : answer.retention
    if !retention.isEmpty {
      conditions.append(
        .object([
          "@type": .text("dpv:StorageDuration"),
          "dpv:hasDuration": duration("dpv:TemporalDuration", retention),
        ]))
    }
    if !profile.storageLocations.isEmpty {
      conditions.append(
        .object([
          "@type": .text("dpv:StorageLocation"),
          "dpv:hasLocation": .list(
            profile.storageLocations.map { place in
              DPVTerms.location(place).map(node) ?? .text(place)
            }),
        ]))
    }
    return conditions.isEmpty ? nil : .list(conditions)
  }

  private func duration(_ type: String, _ value: String?) -> JSONValue {
    .object(["@type": .text(type), "rdf:value": value.map { .text($0) }])
  }

  // MARK: Events and parties

  /// What happened, when, how long it holds and who said so.
  private func statusValue(_ answer: ReceiptDocument.Purpose?) -> JSONValue {
    let status = DPVTerms.status(receipt.kind, answer?.decision)
    var lasting = duration("dpv:EndlessDuration", nil)
    // Only a consent runs out; a refusal or a withdrawal stands until something else is said.
    if status == "dpv:ConsentGiven", let end = receipt.expiresAt {
      lasting = duration("dpv:UntilTimeDuration", end.description)
    }
    return .object([
      "@type": .text(status),
      "dpv:isIndicatedAtTime": time(receipt.grantedAt),
      "dpv:isIndicatedBy": node(isThePersonSpeaking ? personIRI : actorIRI),
      "dpv:hasIndicationMethod": .said(receipt.source),
      "dpv:hasDuration": lasting,
    ])
  }

  private var isThePersonSpeaking: Bool {
    DPVTerms.actor(receipt.actor?.kind) == "dpv:DataSubject"
  }

  private var actorIRI: String { iri("actor", receipt.consentID.description) }

  private var entityValues: [JSONValue] {
    var entities: [JSONValue] = []
    if !receipt.controller.isEmpty { entities.append(controllerValue) }
    entities += receipt.recipients.map { name in
      .object([
        "@id": .text(iri("recipient", name)), "@type": .text("dpv:Recipient"),
        "dpv:hasIdentifier": .text(iri("recipient", name)), "dpv:hasName": .text(name),
      ])
    }
    if let actor = receipt.actor, !isThePersonSpeaking {
      entities.append(
        .object([
          "@id": .text(actorIRI), "@type": .text(DPVTerms.actor(actor.kind)),
          "dpv:hasIdentifier": .text(actorIRI), "dpv:hasName": .said(actor.name),
          "tacit:majorityAt": actor.majorityAt.map(time),
        ]))
    }
    return entities
  }

  private var controllerValue: JSONValue {
    let contact: JSONValue = .object([
      "@type": .text("schema:ContactPoint"), "schema:contactType": .said(profile.contact),
      "schema:email": .said(profile.email), "schema:telephone": .said(profile.phone),
    ])
    let address: JSONValue = .object([
      "@type": .text("schema:PostalAddress"),
      "schema:streetAddress": .said(profile.streetAddress),
      "schema:addressCountry": .said(profile.country),
    ])
    let isReachable = !profile.contact.isEmpty || !profile.email.isEmpty
    return .object([
      "@id": .text(controllerIRI), "@type": .text("dpv:DataController"),
      "dpv:hasIdentifier": .text(controllerIRI), "dpv:hasName": .text(receipt.controller),
      "schema:contactPoint": isReachable ? contact : nil,
      "schema:address": profile.streetAddress.isEmpty ? nil : address,
      "schema:url": .said(profile.url),
    ])
  }
}
