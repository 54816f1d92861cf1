/// Why a text is not what its format says. It names fields and places, never a value: that could
/// be somebody's data.
package struct FormatFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  package enum Reason: Error, Hashable, Sendable {
    /// The line, or the record with its line feeds, is longer than this.
    case lineTooLong(byteCountMax: Int)
    /// The bytes are not UTF-8.
    case notUTF8
    /// The text is not JSON, or not of the type that is due here.
    case malformedJSON(String)
    /// A field that the format does not have; `nil` where its name could be somebody's data.
    case unknownField(String?)
    /// A field stands there twice.
    case repeatedField(String)
    /// A field is missing or empty.
    case missingField(String)
    /// The field's value is not what it should be.
    case malformedField(String, expected: String)
    /// The field has more elements than this.
    case tooManyElements(String, countMax: Int)
    /// The file ends before its header line.
    case noHeader
    /// The header line names more columns than this.
    case tooManyColumns(countMax: Int)
    /// The row has another number of cells than the header line.
    case cellCount(found: Int, expected: Int)
    /// The line is empty.
    case emptyLine
    /// A quotation mark inside a cell that does not begin with one.
    case strayQuote
    /// Something between a closing quotation mark and the next comma.
    case textAfterQuote
    /// The file ends inside a quoted cell.
    case unendedQuote
    /// A carriage return, outside of quotation marks, that no line feed follows.
    case strayCarriageReturn
  }

  /// What is wrong.
  package let reason: Reason
  /// The line it begins on, from 1; 0 where the text is no part of a file.
  package let line: Int
  /// The byte in the line, from 1; 0 where it says nothing.
  package let column: Int

  /// A fault at a place.
  package init(_ reason: Reason, line: Int = 0, column: Int = 0) {
    self.reason = reason
    self.line = line
    self.column = column
  }

  /// The same fault on line `line`.
  package func onLine(_ line: Int) -> FormatFault {
    FormatFault(reason, line: line, column: column)
  }

  package var description: String {
    var text = line > 0 ? "line \(line): " : ""
    text += reason.words
    return column > 0 ? text + ", at byte \(column)" : text
  }
}

extension FormatFault.Reason {
  fileprivate var words: String {
    switch self {
    case .lineTooLong(let limit): "the line is longer than \(limit) bytes"
    case .notUTF8: "the text is not UTF-8"
    case .malformedJSON(let what): what
    case .unknownField(let name): name.map { "the field \($0) is not known" } ?? "an unknown field"
    case .repeatedField(let name): "the field \(name) stands there twice"
    case .missingField(let name): "the field \(name) is missing"
    case .malformedField(let name, let expected): "\(name) is not \(expected)"
    case .tooManyElements(let name, let limit): "\(name) has more than \(limit) elements"
    case .noHeader: "there is no header line"
    case .tooManyColumns(let limit): "the header line names more than \(limit) columns"
    case .cellCount(let found, let expected):
      "the row has \(found) cells where the header line has \(expected)"
    case .emptyLine: "the line is empty"
    case .strayQuote: "a quotation mark inside a cell that does not begin with one"
    case .textAfterQuote: "something follows a closing quotation mark"
    case .unendedQuote: "a quoted cell does not end"
    case .strayCarriageReturn: "a carriage return without a line feed"
    }
  }
}
