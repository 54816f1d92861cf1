internal import Foundation

/// The report as one self-contained page: no script, no font and no picture from elsewhere.
struct ReportPage {
  private let report: DemoReport

  init(_ report: DemoReport) { self.report = report }

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Tacit: what was learned, and what nobody learned</title>
    <style>
    :root { --ink: #1b2733; --soft: #5d6b78; --line: #dfe5ea; --tacit: #1f6f78; --other: #b8c4cc;
      --warn: #c2573a; --page: #f6f8f9; --card: #ffffff; }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--ink);
      font: 16px/1.5 "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
    main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
    h1 { font-size: 30px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 0 0 12px; }
    p { margin: 0 0 12px; } .soft { color: var(--soft); } .small { font-size: 13px; }
    .grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 16px; }
    .wide { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 16px; }
    .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
      padding: 18px 20px; margin-top: 16px; }
    .figure { font-size: 30px; font-weight: 600; color: var(--tacit); line-height: 1.2; }
    table { border-collapse: collapse; width: 100%; font-size: 14px; }
    th, td { text-align: left; padding: 5px 8px 5px 0; border-bottom: 1px solid var(--line); }
    td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; padding-right: 0; }
    svg { width: 100%; height: auto; display: block; }
    svg text { font: 13px "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: var(--ink); }
    svg .soft { fill: var(--soft); }
    .flag { display: inline-block; background: #fbeae5; color: var(--warn); border-radius: 6px;
      padding: 2px 8px; font-size: 13px; }
    @media (max-width: 480px) { .wide { grid-template-columns: 1fr; } }
    </style>
    </head>
    <body><main>
    <h1>What was learned, and what nobody learned</h1>
    <p class="soft">Data: \(escaped(report.data)). \(number(report.rowsRead)) rows in
    \(fixed(report.secondsTotal, 1)) s, on five services with mutual TLS, sealed stores and a
    privacy ledger.</p>
    \(report.data.hasPrefix("SYNTHETIC") ? "<p><span class=\"flag\">Invented data: no figure here says anything about real customers.</span></p>" : "")
    <div class="grid">
    \(card("Rows taken", number(report.rowsAccepted), "\(number(report.rowsRefused)) refused, each with a reason"))
    \(card("Customers", number(report.customers), "\(number(report.receipts)) consent receipts"))
    \(card("Privacy spent", "ε " + fixed(report.epsilonSpent, 2), "of \(fixed(report.epsilonLimit, 2)) at δ \(report.delta); a request beyond it was \(report.overspendRefused ? "refused" : "NOT refused")"))
    \(card("Withdrawal to silence", fixed(report.withdrawToSilenceMs, 1) + " ms", "\(report.personalAnswersAfterWithdrawal) personal answers begun after the reply"))
    </div>
    <div class="wide">
    <section class="card"><h2>Right recommendations, by recall@20</h2>
    \(recallPlot)
    <p class="soft small">\(number(report.subjects)) customers; what each bought on the next shopping
    day. Popularity is counted without noise and is only a yardstick: Tacit never serves it.</p></section>
    <section class="card"><h2>Where the rows went</h2>
    \(funnelPlot)
    <table>\(refusalRows)</table></section>
    <section class="card"><h2>How long a recommendation takes</h2>
    \(latencyPlot)
    <p class="soft small">Half within \(fixed(report.recommendP50Ms, 2)) ms, 99 of 100 within
    \(fixed(report.recommendP99Ms, 2)) ms, seen by the caller: TLS, two consent checks, the
    person's history, the score of every item and a durable audit entry included.</p></section>
    <section class="card"><h2>One customer says no</h2>
    \(withdrawPlot)
    <p class="soft small">The consent service answered after \(fixed(report.withdrawReplyMs, 1)) ms,
    when every gate had confirmed. The last personal answer ended
    \(fixed(report.withdrawToSilenceMs, 1)) ms after the customer said no.</p></section>
    <section class="card"><h2>The privacy budget</h2>
    \(budgetPlot)
    <p class="soft small">Customers who allow analytics, counted with noise:
    \(number(Int(report.noisyCustomers))) ± \(fixed(report.noisyCustomersMargin, 0)).</p></section>
    <section class="card"><h2>What was held back</h2>
    <table>
    <tr><td>Feature values served</td><td class="n">\(number(report.featuresServed))</td></tr>
    <tr><td>Feature values withheld for want of consent</td><td class="n">\(number(report.featuresWithheld))</td></tr>
    <tr><td>Readable features of the erased customer</td><td class="n">\(report.eraseFeaturesReadable)</td></tr>
    <tr><td>Time to erase a customer everywhere</td><td class="n">\(fixed(report.eraseMs, 0)) ms</td></tr>
    <tr><td>Raw identifiers found in any file of the run</td><td class="n">\(report.identifiersFound)</td></tr>
    </table></section>
    </div>
    <section class="card"><h2>The run, step by step</h2>
    <table><tr><th>step</th><th class="n">seconds</th></tr>\(stageRows)</table></section>
    </main></body></html>
    """
  }

  // MARK: - Parts

  private func card(_ title: String, _ figure: String, _ note: String) -> String {
    "<section class=\"card\"><h2>\(title)</h2><div class=\"figure\">\(figure)</div>"
      + "<p class=\"soft small\">\(note)</p></section>"
  }

  private var refusalRows: String {
    report.refusals.sorted { $0.value > $1.value }.map {
      "<tr><td>refused: \(escaped($0.key))</td><td class=\"n\">\(number($0.value))</td></tr>"
    }.joined()
  }

  private var stageRows: String {
    report.stages.map {
      "<tr><td>\(escaped($0.name))</td><td class=\"n\">\(fixed($0.seconds, 1))</td></tr>"
    }.joined()
  }

  // MARK: - Plots

  private var recallPlot: String {
    let groups = [
      ("all items", report.recallAt20All, report.popularityRecallAt20All),
      ("never bought", report.recallAt20New, report.popularityRecallAt20New),
    ]
    let top = max(0.01, groups.map { max($0.1, $0.2) }.max() ?? 1) * 1.15
    var parts = ""
    for (index, group) in groups.enumerated() {
      let y = 14 + index * 78
      parts += text(0, y + 26, group.0)
      parts += bar(110, y, group.1 / top * 290, 24, "var(--tacit)")
      parts += text(118 + group.1 / top * 290, y + 17, "Tacit " + fixed(group.1, 3))
      parts += bar(110, y + 30, group.2 / top * 290, 24, "var(--other)")
      parts += text(118 + group.2 / top * 290, y + 47, "popularity " + fixed(group.2, 3))
    }
    return svg(width: 520, height: 168, parts)
  }

  private var funnelPlot: String {
    let rows = Double(max(report.rowsRead, 1))
    let accepted = Double(report.rowsAccepted) / rows * 500
    return svg(
      width: 520, height: 66,
      bar(0, 8, 500, 30, "var(--other)") + bar(0, 8, accepted, 30, "var(--tacit)")
        + text(0, 58, "\(number(report.rowsAccepted)) taken")
        + text(500, 58, "\(number(report.rowsRefused)) refused", anchor: "end"))
  }

  private var latencyPlot: String {
    let sorted = report.recommendLatenciesMs.sorted()
    guard let largest = sorted.last, !sorted.isEmpty else { return "" }
    let top = max(report.recommendP99Ms * 1.3, largest * 0.05, 0.1)
    let binCount = 40
    var bins = [Int](repeating: 0, count: binCount)
    for value in sorted { bins[min(binCount - 1, Int(value / top * Double(binCount)))] += 1 }
    let peak = Double(bins.max() ?? 1)
    var parts = ""
    for (index, count) in bins.enumerated() where count > 0 {
      let height = Double(count) / peak * 120
      parts += bar(Double(index) * 12.5, 130 - height, 11, height, "var(--tacit)")
    }
    for (label, value) in [("p50", report.recommendP50Ms), ("p99", report.recommendP99Ms)] {
      let x = min(value / top * 500, 500)
      parts +=
        "<line x1=\"\(fixed(x, 1))\" y1=\"6\" x2=\"\(fixed(x, 1))\" y2=\"130\" stroke=\"var(--warn)\" stroke-dasharray=\"4 3\"/>"
      parts += text(x + 4, 16, label)
    }
    parts += text(0, 150, "0 ms") + text(500, 150, fixed(top, 1) + " ms", anchor: "end")
    return svg(width: 520, height: 160, parts)
  }

  private var withdrawPlot: String {
    let end = max(report.withdrawReplyMs, report.withdrawToSilenceMs, 1) * 1.25
    var parts = text(0, 16, "customer says no")
    for (index, gate) in report.withdrawGates.enumerated() {
      let y = 30 + index * 30
      parts += text(0, y + 15, gate.name)
      parts += bar(110, y, gate.ms / end * 380, 20, gate.confirmed ? "var(--tacit)" : "var(--warn)")
      parts += text(
        116 + gate.ms / end * 380, y + 15,
        fixed(gate.ms, 1) + " ms" + (gate.confirmed ? "" : ", lease ran out"))
    }
    let y = 30 + report.withdrawGates.count * 30
    parts +=
      text(0, y + 15, "reply") + bar(110, y, report.withdrawReplyMs / end * 380, 20, "var(--ink)")
    parts += text(
      116 + report.withdrawReplyMs / end * 380, y + 15, fixed(report.withdrawReplyMs, 1) + " ms")
    return svg(width: 520, height: y + 30, parts)
  }

  private var budgetPlot: String {
    let share = report.epsilonLimit > 0 ? min(report.epsilonSpent / report.epsilonLimit, 1) : 0
    return svg(
      width: 520, height: 66,
      bar(0, 8, 500, 30, "var(--other)") + bar(0, 8, share * 500, 30, "var(--tacit)")
        + text(0, 58, "ε \(fixed(report.epsilonSpent, 3)) spent")
        + text(500, 58, "ε \(fixed(report.epsilonLeft, 3)) left", anchor: "end"))
  }

  // MARK: - Pieces

  private func svg(width: Int, height: Int, _ content: String) -> String {
    "<svg viewBox=\"0 0 \(width) \(height)\" role=\"img\">\(content)</svg>"
  }

  private func bar(_ x: Int, _ y: Int, _ width: Double, _ height: Int, _ colour: String) -> String {
    bar(Double(x), Double(y), width, Double(height), colour)
  }

  private func bar(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ colour: String
  ) -> String {
    "<rect x=\"\(fixed(x, 1))\" y=\"\(fixed(y, 1))\" width=\"\(fixed(max(width, 0), 1))\" "
      + "height=\"\(fixed(height, 1))\" rx=\"3\" fill=\"\(colour)\"/>"
  }

  private func text(_ x: Double, _ y: Int, _ content: String, anchor: String = "start") -> String {
    "<text x=\"\(fixed(x, 1))\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(escaped(content))</text>"
  }

  private func number(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { grouped += "," }
      grouped.append(digit)
    }
    return value < 0 ? "-" + grouped : grouped
  }

  private func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  private func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;")
  }
}
