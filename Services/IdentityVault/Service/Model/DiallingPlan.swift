/// How a region dials: its country calling code, what is dialled in front of a number at home and
/// in front of one abroad.
///
/// Part of the profile `phone/e164-v1`: a line is only ever added. The facts are those of ITU-T's
/// E.164 assignments and national numbering plans; regions are ISO 3166 codes, with `AC`, `TA` and
/// `XK` as they are used.
struct DiallingPlan: Sendable {
  /// The country calling code, digits.
  let callingCode: String
  /// Dialled in front of a national number, not part of it.
  let trunkPrefix: String?
  /// How many digits a number has with the trunk prefix, where only that tells the prefix from the
  /// number's own first digit.
  let trunkDigitCount: Int?
  /// Dialled in front of an international number; `nil` where it depends on the carrier.
  let internationalPrefix: String?
  /// How many digits numbers have behind the calling code, where that tells a number from one that
  /// is cut or has the code of a carrier, a mobile prefix or an older trunk prefix in it; `nil`
  /// elsewhere. These cannot be read without more rules than a profile should have: they are
  /// refused, and their international form is not.
  let nationalDigitCounts: ClosedRange<Int>?

  /// The plan of an ISO 3166 region, in either case.
  static func ofRegion(_ region: String) -> DiallingPlan? {
    plansByRegion[region] ?? plansByRegion[region.uppercased()]
  }

  /// The calling code that the digits begin with, and a plan of its regions. No calling code is
  /// the beginning of another one.
  static func ofCallingCode(
    prefixing digits: ArraySlice<UInt8>
  ) -> (code: [UInt8], plan: DiallingPlan)? {
    for length in 1...3 where digits.count >= length {
      let code = Array(digits.prefix(length))
      if let plan = plansByCallingCode[code] { return (code, plan) }
    }
    return nil
  }

  // MARK: - Plans

  private struct Group {
    let plans: [(region: String, plan: DiallingPlan)]

    init(
      trunk: String?, ofDigits digitCount: Int? = nil, abroad: String?,
      national nationalDigitCounts: ClosedRange<Int>? = nil, _ regions: String
    ) {
      plans = regions.split(whereSeparator: \.isWhitespace).map { entry in
        let plan = DiallingPlan(
          callingCode: String(entry.dropFirst(2)), trunkPrefix: trunk, trunkDigitCount: digitCount,
          internationalPrefix: abroad, nationalDigitCounts: nationalDigitCounts)
        return (String(entry.prefix(2)), plan)
      }
    }
  }

  private static let groups = [
    Group(
      trunk: "0", abroad: "00",
      """
      AE971 AF93 AL355 AM374 AT43 AX358 AZ994 BA387 BD880 BE32 BG359 BL590 CD243 CH41
      CN86 DE49 DZ213 EC593 EG20 EH212 ER291 ET251 FI358 FR33 GB44 GE995 GF594 GG44 GH233
      GP590 HR385 IE353 IL972 IM44 IN91 IQ964 IR98 JE44 JO962 KG996 KI686 KP850 LA856 LB961
      LI423 LK94 LR231 LY218 MA212 MC377 MD373 ME382 MF590 MG261 MK389 MM95 MQ596 MW265
      MY60 NA264 NL31 NP977 NZ64 PE51 PH63 PK92 PM508 PS970 PY595 RE262 RO40 RS381 RW250 SA966
      SD249 SE46 SI386 SK421 SL232 SO252 SS211 SY963 TR90 UA380 UY598 VE58 VN84 XK383 YE967
      YT262 ZA27 ZM260 ZW263
      """),
    Group(
      trunk: nil, abroad: "00",
      """
      AC247 AD376 AO244 AW297 BF226 BH973 BI257 BJ229 BN673 BQ599 BT975 BW267 BZ501 CF236
      CG242 CI225 CK682 CL56 CM237 CW599 CY357 CZ420 DJ253 DK45 EE372 ES34 FJ679 FK500
      FM691 GA241 GI350 GL299 GM220 GN224 GQ240 GR30 GT502 GW245 HN504 HT509 IO246 IS354
      IT39 KM269 KW965 LS266 LU352 LV371 ML223 MO853 MR222 MT356 MU230 MV960 MX52 MZ258 NC687
      NE227 NF672 NI505 NO47 NR674 NU683 OM968 PA507 PF689 PG675 PL48 PT351 QA974 SB677 SC248
      SH290 SJ47 SM378 SN221 SR597 ST239 SV503 SZ268 TA290 TD235 TG228 TK690 TL670 TN216 TO676
      TV688 UZ998 VA39 VU678 WF681
      """),
    Group(
      trunk: "1", abroad: "011", national: 10...10,
      """
      AG1 AI1 AS1 BB1 BM1 BS1 CA1 DM1 DO1 GD1 GU1 JM1 KN1 KY1 LC1 MP1 MS1 PR1 SX1 TC1
      TT1 US1 VC1 VG1 VI1
      """),
    Group(trunk: "1", abroad: "011", "MH692"),
    // Mobile numbers have a 15 in them at home and a 9 abroad.
    Group(trunk: "0", abroad: "00", national: 10...11, "AR54"),
    // These dial a carrier in front of a number.
    Group(trunk: "0", abroad: nil, national: 8...9, "BO591"),
    Group(trunk: "0", abroad: nil, national: 8...11, "BR55 CO57"),
    Group(trunk: nil, abroad: "00", national: 8...10, "CR506"),
    Group(trunk: nil, abroad: "00", national: 6...6, "FO298"),
    // The trunk prefix was 8 before.
    Group(trunk: "0", abroad: "00", national: 8...8, "LT370"),
    Group(
      trunk: "0", abroad: nil,
      """
      CU53 ID62 KE254 KH855 KR82 MN976 NG234 TH66 TW886 TZ255 UG256
      """),
    Group(
      trunk: nil, abroad: nil,
      """
      CV238 GY592 HK852 SG65 WS685
      """),
    Group(
      trunk: "0", abroad: "0011",
      """
      AU61 CC61 CX61
      """),
    Group(
      trunk: "8", ofDigits: 11, abroad: "810",
      """
      KZ7 RU7
      """),
    Group(
      trunk: "80", ofDigits: 11, abroad: "810", national: 9...10,
      """
      BY375
      """),
    Group(
      trunk: "06", abroad: "00",
      """
      HU36
      """),
    Group(
      trunk: "0", abroad: "010",
      """
      JP81
      """),
    Group(
      trunk: nil, abroad: "011",
      """
      PW680
      """),
    Group(
      trunk: nil, abroad: "810",
      """
      TJ992
      """),
    Group(
      trunk: "8", ofDigits: 9, abroad: "810",
      """
      TM993
      """),
  ]

  /// Codes of no region: freephone, shared cost, networks in the sky and at sea.
  private static let global = ["800", "808", "870", "878", "881", "882", "883", "888", "979"]

  private static let plansByRegion: [String: DiallingPlan] = Dictionary(
    uniqueKeysWithValues: groups.flatMap(\.plans).map { ($0.region, $0.plan) })

  // Regions that share a code share what is dialled in front of a number at home.
  private static let plansByCallingCode: [[UInt8]: DiallingPlan] = {
    var plans: [[UInt8]: DiallingPlan] = [:]
    for code in global {
      plans[Array(code.utf8)] = DiallingPlan(
        callingCode: code, trunkPrefix: nil, trunkDigitCount: nil, internationalPrefix: nil,
        nationalDigitCounts: nil)
    }
    for plan in plansByRegion.values { plans[Array(plan.callingCode.utf8)] = plan }
    return plans
  }()
}
