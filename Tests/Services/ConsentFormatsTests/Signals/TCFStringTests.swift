import ConsentFormats
import PrivacyCore
import Testing

@Suite("TC strings")
struct TCFStringTests {
  private func fault(_ text: String) -> TCFFault? {
    do throws(TCFFault) {
      _ = try TCFString(decoding: text)
      return nil
    } catch {
      return error
    }
  }

  @Test("the published strings say what their sources say", arguments: try TCVector.load())
  func published(vector: TCVector) throws {
    let string = try TCFString(decoding: vector.text)
    func check(_ field: String, _ value: String) {
      if let expected = vector[field] { #expect(value == expected, "\(field)") }
    }
    func check(_ field: String, _ ids: some Sequence<Int>) {
      if let expected = vector.ids(field) { #expect(ids.sorted() == expected, "\(field)") }
    }
    check("createdMs", String(string.createdAt.microseconds / 1_000))
    check("cmpID", String(string.cmpID))
    check("cmpVersion", String(string.cmpVersion))
    check("screen", String(string.consentScreen))
    check("language", string.language)
    check("vendorList", String(string.vendorListVersion))
    check("policy", String(string.policyVersion))
    check("serviceSpecific", String(string.isServiceSpecific))
    check("purposeOneUndisclosed", String(string.isPurposeOneUndisclosed))
    check("country", string.publisherCountry)
    check("features", string.specialFeatureOptIns)
    check("consents", string.purposeConsents)
    check("interests", string.purposeInterests)
    check("vendorConsents", string.vendorConsents.ids)
    check("vendorInterests", string.vendorInterests.ids)
    check("disclosed", string.disclosedVendors?.ids ?? [])
    check("allowed", string.allowedVendors?.ids ?? [])
    check("publisherConsentCount", String(string.publisher?.purposeConsents.count ?? -1))
    check("restrictions", String(string.restrictions.count))
    check("firstRestrictedPurpose", String(string.restrictions.first?.purpose ?? 0))
    check("firstRestrictedVendors", string.restrictions.first?.vendors.ids ?? [])
    check("lastRestrictedPurpose", String(string.restrictions.last?.purpose ?? 0))
    check("lastRestrictedVendors", string.restrictions.last?.vendors.ids ?? [])
    #expect((string.disclosedVendors == nil) == !vector.text.contains(".I"))
  }

  @Test("a written string is read field by field")
  func fields() throws {
    var core = TCCore()
    core.features = [2, 12]
    core.consents = [1, 24]
    core.interests = [2]
    core.vendorConsents = [(3, 5), (5, 9), (20, 20)]
    core.vendorInterests = [(100, 100)]
    core.restrictions = [(24, 0, [(1, 65_535)]), (1, 2, [])]
    var disclosed = TCWriter()
    disclosed.number(1, 3)
    disclosed.bitField([1, 4, 5], max: 5)
    var allowed = TCWriter()
    allowed.number(2, 3)
    allowed.ranges([(7, 8)], max: 8)
    var publisher = TCWriter()
    publisher.number(3, 3)
    publisher.set([5], 24)
    publisher.set([6], 24)
    publisher.number(3, 6)
    publisher.set([1, 3], 3)
    publisher.set([2], 3)
    // The segments may come in any order.
    let string = try TCFString(
      decoding: [core.text, publisher.text, allowed.text, disclosed.text].joined(separator: "."))
    #expect(string.createdAt == Timestamp(microseconds: 1_582_243_059_300_000))
    #expect(string.updatedAt == Timestamp(microseconds: 1_582_243_059_400_000))
    #expect(string.language == "EN")
    #expect(string.publisherCountry == "DE")
    #expect(string.usesNonStandardTexts)
    #expect(string.specialFeatureOptIns == [2, 12])
    #expect(string.purposeConsents == [1, 24])
    #expect(string.vendorConsents.ranges == [3...9, 20...20])
    #expect(string.vendorConsents.count == 8)
    #expect(string.vendorInterests.ids == [100])
    #expect(string.restrictions.map(\.kind) == [.notAllowed, .requireLegitimateInterest])
    #expect(string.restrictions[0].vendors.contains(65_535))
    #expect(string.disclosedVendors?.ids == [1, 4, 5])
    #expect(string.allowedVendors?.ids == [7, 8])
    let said = try #require(string.publisher)
    #expect(said.purposeConsents == [5] && said.purposeInterests == [6])
    #expect(said.customPurposeCount == 3 && said.customConsents == [1, 3])
    #expect(said.customInterests == [2])
  }

  @Test("a set of vendors knows who is in it")
  func contains() {
    let vendors = TCFVendors([10...12, 1...1, 12...20, 30...30])
    #expect(vendors.ranges == [1...1, 10...20, 30...30])
    for vendor in 0...40 {
      #expect(vendors.contains(vendor) == vendors.ids.contains(vendor), "\(vendor)")
    }
  }

  @Test("versions other than 2 are refused", arguments: [0, 1, 3, 63])
  func version(version: Int) {
    var core = TCCore()
    core.version = version
    #expect(fault(core.text) == .unsupportedVersion(version))
  }

  @Test("a string cut within a field is refused at every character")
  func truncated() throws {
    var core = TCCore()
    core.vendorConsents = [(3, 5)]
    core.restrictions = [(3, 1, [(1, 9)])]
    let text = core.text
    #expect(fault(text) == nil)
    #expect(fault("") == .empty)
    for count in 1..<text.utf8.count {
      #expect(fault(String(text.prefix(count))) == .truncated(.core), "\(count)")
    }
    var disclosed = TCWriter()
    disclosed.number(1, 3)
    disclosed.bitField([1], max: 30)
    let part = disclosed.text
    for count in 1..<part.count {
      #expect(fault("\(text).\(part.prefix(count))") == .truncated(.disclosedVendors))
    }
    #expect(fault(text + ".") == .truncated(.core))
  }

  @Test("bits behind the last field are 0, and at most 23")
  func padding() {
    var short = TCCore().writer
    let free = (6 - short.count % 6) % 6
    short.number(0, free + (23 - free) / 6 * 6)
    #expect(fault(short.text) == nil)
    var long = short
    long.number(0, 6)
    #expect(fault(long.text) == .paddingTooLong(.core))
    var dirty = TCCore().writer
    dirty.number(1, free + 6)
    #expect(fault(dirty.text) == .paddingNotZero(.core))
  }

  @Test("a vendor at the announced maximum is taken, one beyond it is not")
  func vendorMax() {
    var core = TCCore()
    core.vendorConsents = [(90, 100)]
    #expect(fault(core.text) == nil)
    core.vendorConsents = [(90, 101)]
    #expect(fault(core.text) == .vendorBeyondMax(.core, vendor: 101, max: 100))
    core.vendorConsents = [(101, 101)]
    #expect(fault(core.text) == .vendorBeyondMax(.core, vendor: 101, max: 100))
  }

  @Test("ranges begin with 1 and do not run backwards")
  func malformedRanges() {
    var core = TCCore()
    core.vendorInterests = [(0, 3)]
    #expect(fault(core.text) == .malformedRange(.core))
    core.vendorInterests = [(5, 4)]
    #expect(fault(core.text) == .malformedRange(.core))
  }

  @Test("restrictions are of a defined type and a possible purpose")
  func malformedRestrictions() {
    var core = TCCore()
    core.restrictions = [(2, 3, [])]
    #expect(fault(core.text) == .undefinedRestriction(purpose: 2))
    core.restrictions = [(0, 1, [])]
    #expect(fault(core.text) == .malformedRestriction(purpose: 0))
    core.restrictions = [(25, 1, [])]
    #expect(fault(core.text) == .malformedRestriction(purpose: 25))
    core.restrictions = [(24, 1, [])]
    #expect(fault(core.text) == nil)
  }

  @Test("a language is two letters")
  func language() {
    var core = TCCore()
    core.language = [0, 25]
    #expect(fault(core.text) == nil)
    core.language = [0, 26]
    #expect(fault(core.text) == .notALetter(field: "the language"))
  }

  @Test("segments are known and come once", arguments: 0...7)
  func segments(type: Int) {
    var part = TCWriter()
    part.number(type, 3)
    part.number(0, type == 3 ? 54 : 17)
    let text = "\(TCCore().text).\(part.text)"
    switch type {
    case 0: #expect(fault(text) == .repeatedSegment(.core))
    case 1...3:
      #expect(fault(text) == nil)
      let segment: TCFFault.Segment =
        type == 1 ? .disclosedVendors : type == 2 ? .allowedVendors : .publisher
      #expect(fault("\(text).\(part.text)") == .repeatedSegment(segment))
    default: #expect(fault(text) == .unknownSegment(type: type, segment: 2))
    }
    #expect(fault("\(text).A.A.A") == .tooManySegments(countMax: 4))
  }

  @Test("only base64url's characters are taken", arguments: ["=", "+", "/", " ", "é", "\u{0}"])
  func alphabet(character: String) {
    let text = TCCore().text
    #expect(
      fault(text + character) == .notBase64URL(segment: 1, character: text.utf8.count + 1))
    #expect(fault("\(text).I\(character)") == .notBase64URL(segment: 2, character: 2))
  }

  @Test("32,768 characters are read and one more is not")
  func length() {
    let longest = String(repeating: "A", count: 32_768)
    #expect(fault(longest) == .unsupportedVersion(0))
    #expect(fault(longest + "A") == .tooLong(byteCountMax: 32_768))
  }

  @Test("as many ranges as there can be are read")
  func mostRanges() throws {
    var core = TCCore()
    core.vendorMax = 65_535
    core.vendorConsents = (0..<4_095).map { ($0 * 16 + 1, $0 * 16 + 3) }
    let string = try TCFString(decoding: core.text)
    #expect(string.vendorConsents.ranges.count == 4_095)
    #expect(string.vendorConsents.contains(65_505) && !string.vendorConsents.contains(65_508))
  }
}
