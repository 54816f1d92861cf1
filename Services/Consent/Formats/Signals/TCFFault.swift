/// Why a text is not a TC string.
package enum TCFFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// A part of a TC string, by what it holds.
  package enum Segment: String, Hashable, Sendable {
    case core
    case disclosedVendors = "disclosed vendors"
    case allowedVendors = "allowed vendors"
    case publisher = "publisher TC"
  }

  /// There is nothing.
  case empty
  /// It has more characters than this.
  case tooLong(byteCountMax: Int)
  /// It has more segments than there are kinds of them.
  case tooManySegments(countMax: Int)
  /// A character that is none of base64url's 64; both count from 1.
  case notBase64URL(segment: Int, character: Int)
  /// The version of its encoding is another than 2.
  case unsupportedVersion(Int)
  /// A segment of a type that is not known, at this place from 1.
  case unknownSegment(type: Int, segment: Int)
  /// A segment stands there twice.
  case repeatedSegment(Segment)
  /// A segment ends within a field.
  case truncated(Segment)
  /// Bits other than 0 behind a segment's last field.
  case paddingNotZero(Segment)
  /// More bits behind a segment's last field than its encoding needs.
  case paddingTooLong(Segment)
  /// Six bits that should be a letter are none.
  case notALetter(field: String)
  /// A range that ends before it begins, or begins with vendor 0.
  case malformedRange(Segment)
  /// A vendor beyond the largest one that the section announces.
  case vendorBeyondMax(Segment, vendor: Int, max: Int)
  /// A publisher restriction of the type that is not defined.
  case undefinedRestriction(purpose: Int)
  /// A publisher restriction of purpose 0 or one past 24.
  case malformedRestriction(purpose: Int)
  /// The string is for all services at once, which the framework has given up.
  case notServiceSpecific

  package var description: String {
    switch self {
    case .empty: "the TC string is empty"
    case .tooLong(let limit): "the TC string has more than \(limit) characters"
    case .tooManySegments(let limit): "the TC string has more than \(limit) segments"
    case .notBase64URL(let segment, let character):
      "character \(character) of segment \(segment) is not base64url"
    case .unsupportedVersion(let version): "version \(version) of TC strings is not supported"
    case .unknownSegment(let type, let segment): "segment \(segment) has the unknown type \(type)"
    case .repeatedSegment(let segment): "the segment \(segment.rawValue) stands there twice"
    case .truncated(let segment): "the segment \(segment.rawValue) ends within a field"
    case .paddingNotZero(let segment):
      "the segment \(segment.rawValue) has bits behind its last field"
    case .paddingTooLong(let segment):
      "the segment \(segment.rawValue) is longer than its fields"
    case .notALetter(let field): "\(field) is not two letters"
    case .malformedRange(let segment): "a range of vendors in \(segment.rawValue) is malformed"
    case .vendorBeyondMax(let segment, let vendor, let max):
      "vendor \(vendor) in \(segment.rawValue) is beyond the largest one, \(max)"
    case .undefinedRestriction(let purpose):
      "a publisher restriction of purpose \(purpose) is of no defined type"
    case .malformedRestriction(let purpose):
      "a publisher restriction names purpose \(purpose), which there cannot be"
    case .notServiceSpecific: "the TC string is not for one service alone"
    }
  }
}
