/// E-mail addresses that several people use, as far as one can tell from the address itself: of a
/// family, of an office, of a role.
package enum SharedAddress {
  private static let names: Set<String> = [
    "accounts", "admin", "administrator", "all", "billing", "buchhaltung", "contact", "contacto",
    "customerservice", "einkauf", "empfang", "familia", "familie", "famille", "family", "famiglia",
    "hello", "help", "home", "house", "household", "info", "information", "invoice", "invoices",
    "kontakt", "kundenservice", "mail", "marketing", "no-reply", "noreply", "office", "orders",
    "parents", "postmaster", "purchasing", "reception", "rechnung", "sales", "secretary",
    "sekretariat", "service", "shop", "support", "team", "us", "verwaltung", "we", "webmaster",
  ]

  /// Whether the local part, or one of its words at an end, is such a name: `family@…`,
  /// `smith.family@…`, `family-smith@…`.
  package static func isLikely(email address: String) -> Bool {
    let local = address.prefix { $0 != "@" }.lowercased()
    let words = local.split { $0 == "." || $0 == "-" || $0 == "_" || $0 == "+" }.map(String.init)
    return names.contains(local) || words.first.map(names.contains) == true
      || words.last.map(names.contains) == true
  }
}
