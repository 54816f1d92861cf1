/// What a section of a pack is, in words for the person: what stands there, why it is held and how
/// long.
struct AccessSection {
  let title: String
  let text: String

  /// The words for a section; the bare name where it has none.
  static func named(_ name: String) -> AccessSection {
    if let known = known[name] { return known }
    return AccessSection(title: name, text: "")
  }

  /// What each service is for.
  static let services: [String: AccessSection] = [
    "vault": AccessSection(
      title: "Identity vault",
      text: "Who you are: the only place that holds your identifiers. All others know a code."),
    "consent": AccessSection(
      title: "Consent", text: "What you allowed, refused and took back, and what was said then."),
    "features": AccessSection(
      title: "Feature store", text: "What is known about you, each part behind your consent."),
    "trainer": AccessSection(
      title: "Trainer", text: "What was learned from many people, perhaps from you among them."),
    "vectors": AccessSection(
      title: "Vector search", text: "Numbers that describe you, for finding what is alike."),
  ]

  private static let log = AccessSection(
    title: "Who did what",
    text: """
      The entries of this service's log that name you: when, what, and in what capacity. Names of \
      employees and other people's codes are left out. Kept as proof of what was done, as long as \
      the log.
      """)
  private static let remark = AccessSection(title: "To know", text: "")
  private static let tombstone = AccessSection(
    title: "Mark of erasure",
    text: """
      That you were erased here. Only the code is kept, and for ever: without it a late copy of \
      your data could bring you back.
      """)
  private static let erasure = AccessSection(
    title: "Your erasure",
    text: "How much was removed here when you were erased. Kept as proof that it was done.")
  private static let unreadable = AccessSection(
    title: "Unreadable rows",
    text: """
      Rows that stand under your code and that nobody can open any more, since the key to them was \
      destroyed. They are on their way out.
      """)

  private static let known: [String: AccessSection] = [
    "vault.log": log, "consent.log": log, "features.log": log, "trainer.log": log,
    "vectors.log": log, "vault.remark": remark, "consent.remark": remark,
    "features.remark": remark, "trainer.remark": remark, "vectors.remark": remark,
    "features.tombstone": tombstone, "vectors.tombstone": tombstone,
    "features.erasure": erasure, "trainer.erasure": erasure, "vectors.erasure": erasure,
    "features.unreadable": unreadable, "vectors.unreadable": unreadable,
    "vault.person": AccessSection(
      title: "You", text: "When you were first recorded, and under which code. Until erasure."),
    "vault.identifiers": AccessSection(
      title: "Your identifiers",
      text: """
        Kept so that you can be recognised when you come back: by whom and when each was recorded. \
        Sealed. Until erasure.
        """),
    "vault.aliases": AccessSection(
      title: "Other codes of yours",
      text: "Codes of your further identifiers, which all lead to you. Until erasure."),
    "vault.subject_key": AccessSection(
      title: "Your key",
      text: """
        A random key under which the other services seal what they hold about you. It is never \
        told to anybody: whoever had it could open your rows. Destroyed when you are erased.
        """),
    "vault.shared": AccessSection(
      title: "Shared identifiers",
      text: "That several people use one of your identifiers, so that nobody is joined by it."),
    "vault.forgotten": AccessSection(
      title: "Mark of erasure",
      text: """
        That you were forgotten, and when. Only the code is kept, and for ever: without it you \
        would be recorded again by mistake.
        """),
    "vault.cases": AccessSection(
      title: "Requests for your name",
      text: """
        Who wanted to get from your code back to your identifiers, for what purpose and under \
        which ticket, and what became of it. Needs two approvals.
        """),
    "consent.state": AccessSection(
      title: "What you allow now",
      text: "Each purpose in words, whether you allow it, since when and until when."),
    "consent.receipts": AccessSection(
      title: "Your receipts",
      text: """
        Every decision of yours with its purposes, the notice you saw, who is responsible, who \
        receives the data and how to take it back. Kept after a withdrawal and an erasure too: \
        the proof that we stopped needs the proof that we began.
        """),
    "consent.standing": AccessSection(
      title: "What counts, as the service keeps it",
      text: "The receipts folded into one row, by which the service answers."),
    "consent.earlier_standings": AccessSection(
      title: "What counted earlier", text: "The same at earlier times, kept for quick answers."),
    "consent.erasures": AccessSection(
      title: "Your erasure",
      text: """
        The request to erase you, what was destroyed, and the certificate. Kept as proof that it \
        was done.
        """),
    "consent.requests": AccessSection(
      title: "Answered requests",
      text: "Requests that recorded something of yours, kept some days to be answered alike."),
    "consent.recipients": AccessSection(
      title: "Systems that were told",
      text: "Outside systems that have been sent your decisions, up to which position."),
    "consent.dead_letters": AccessSection(
      title: "Systems that could not be told",
      text: "Decisions of yours that an outside system did not take."),
    "features.person": AccessSection(
      title: "Known here", text: "That there are rows or events about you."),
    "features.views": AccessSection(
      title: "What it is for",
      text: "The views that your rows and events serve, and the consent that each feature needs."),
    "features.rows": AccessSection(
      title: "Rows",
      text: """
        Written values, all versions: the time each speaks of, when it was written, and the \
        receipt it is kept under. Until you take back the last consent it serves.
        """),
    "features.events": AccessSection(
      title: "Events",
      text: """
        What happened, with the receipt it is kept under. Sums and counts are worked out from \
        these when they are asked for; none is kept. Until you take back the last consent it serves.
        """),
    "trainer.models": AccessSection(
      title: "Models",
      text: """
        Each model, what it was learned from, and by how much it can give away anything about any \
        one person (epsilon, delta). You may be in those whose scope you allowed when they were made.
        """),
    "trainer.budgets": AccessSection(
      title: "Privacy budgets",
      text: "The most that all answers and models together may give away about any one person."),
    "vectors.vectors": AccessSection(
      title: "Your vectors",
      text: """
        The numbers, the collection, the consent it needs and the receipt it is kept under. Until \
        you take that consent back.
        """),
  ]
}
