/// A number modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, the field of P-256 (SEC 2, section
/// 2.4.2), in Montgomery's form: times 2^256.
///
/// No branch and no address depends on a value here, so that a secret number may be one. A
/// multiplication takes about 20 ns where the module is optimised.
struct FieldElement: Sendable {
  // Least significant first; together always less than p.
  private var limb0: UInt64
  private var limb1: UInt64
  private var limb2: UInt64
  private var limb3: UInt64

  private init(_ limb0: UInt64, _ limb1: UInt64, _ limb2: UInt64, _ limb3: UInt64) {
    self.limb0 = limb0
    self.limb1 = limb1
    self.limb2 = limb2
    self.limb3 = limb3
  }

  /// The bytes of a number.
  static let byteCount = 32

  // MARK: - Constants

  private static let prime1: UInt64 = 0x0000_0000_FFFF_FFFF
  private static let prime3: UInt64 = 0xFFFF_FFFF_0000_0001

  static let zero = FieldElement(0, 0, 0, 0)
  /// 2^256 mod p.
  static let one = FieldElement(1, 0xFFFF_FFFF_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFE)
  /// The curve's constant b (SEC 2, section 2.4.2).
  static let curveB = FieldElement(
    0xD89C_DF62_29C4_BDDF, 0xACF0_05CD_7884_3090, 0xE5A2_20AB_F721_2ED6, 0xDC30_061D_0487_4834)
  /// -10, no square: Z of RFC 9380, section 8.2.
  static let mapZ = FieldElement(
    0xFFFF_FFFF_FFFF_FFF5, 0x0000_000A_FFFF_FFFF, 0, 0xFFFF_FFF5_0000_000B)
  /// 2^512 mod p: a product with it enters Montgomery's form.
  private static let squaredRadix = FieldElement(
    3, 0xFFFF_FFFB_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFE, 0x0000_0004_FFFF_FFFD)

  // MARK: - Bytes

  /// The number that 32 bytes give, most significant first; `nil` for p and more. What is decoded
  /// so is public: that it is refused shows.
  init?(canonical bytes: ArraySlice<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    let number = Self.limbs(bytes)
    guard number.isBelowPrime else { return nil }
    self = number * Self.squaredRadix
  }

  /// The remainder of a number of 48 bytes, most significant first (RFC 9380, section 5.2).
  init(reducing bytes: ArraySlice<UInt8>) {
    precondition(bytes.count == 48, "48 bytes give a field element")
    let high = Self.limbs([UInt8](repeating: 0, count: 16)[...] + bytes.prefix(16))
    let low = Self.reduced(Self.limbs(bytes.suffix(32)), carry: 0)
    // The high part counts 2^256 fold: it enters the form twice.
    self = high * Self.squaredRadix * Self.squaredRadix + low * Self.squaredRadix
  }

  /// The 32 bytes of the number, most significant first.
  var bytes: [UInt8] {
    let number = plain
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    for limb in [number.limb3, number.limb2, number.limb1, number.limb0] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: limb >> shift))
      }
    }
    return bytes
  }

  /// The lowest bit of the number: the sign of RFC 9380, section 4.1, and of SEC 1's encoding.
  var isOdd: UInt64 { plain.limb0 & 1 }

  /// Out of Montgomery's form.
  private var plain: FieldElement { self * FieldElement(1, 0, 0, 0) }

  private static func limbs(_ bytes: ArraySlice<UInt8>) -> FieldElement {
    var limbs: [UInt64] = []
    var limb: UInt64 = 0
    for (index, byte) in bytes.enumerated() {
      limb = limb << 8 | UInt64(byte)
      if index % 8 == 7 {
        limbs.append(limb)
        limb = 0
      }
    }
    return FieldElement(limbs[3], limbs[2], limbs[1], limbs[0])
  }

  private var isBelowPrime: Bool {
    var borrow: UInt64 = 0
    _ = Self.subtract(limb0, .max, &borrow)
    _ = Self.subtract(limb1, Self.prime1, &borrow)
    _ = Self.subtract(limb2, 0, &borrow)
    _ = Self.subtract(limb3, Self.prime3, &borrow)
    return borrow == 1
  }

  // MARK: - Arithmetic

  /// Montgomery's product, limb by limb of `right` (Koç, Acar and Kaliski 1996: CIOS). Because p
  /// ends in 64 ones, each step's multiplier is the lowest limb itself.
  static func * (left: FieldElement, right: FieldElement) -> FieldElement {
    var sum = Accumulator()
    sum.add(left, times: right.limb0)
    sum.add(left, times: right.limb1)
    sum.add(left, times: right.limb2)
    sum.add(left, times: right.limb3)
    return reduced(
      FieldElement(sum.limb0, sum.limb1, sum.limb2, sum.limb3), carry: sum.limb4)
  }

  private struct Accumulator {
    var limb0: UInt64 = 0
    var limb1: UInt64 = 0
    var limb2: UInt64 = 0
    var limb3: UInt64 = 0
    var limb4: UInt64 = 0

    @inline(__always)
    mutating func add(_ number: FieldElement, times factor: UInt64) {
      var carry: UInt64 = 0
      let low0 = multiply(number.limb0, factor, limb0, &carry)
      let low1 = multiply(number.limb1, factor, limb1, &carry)
      let low2 = multiply(number.limb2, factor, limb2, &carry)
      let low3 = multiply(number.limb3, factor, limb3, &carry)
      let top = UInt128(limb4) &+ UInt128(carry)
      // Now m p is added with m = low0, so that the lowest limb becomes zero and falls off:
      // p's limb 0 leaves a carry of m, which makes m 2^32 of limb 1.
      let shifted = UInt128(low1) &+ (UInt128(low0) << 32)
      limb0 = UInt64(truncatingIfNeeded: shifted)
      let next = UInt128(low2) &+ (shifted >> 64)
      limb1 = UInt64(truncatingIfNeeded: next)
      carry = UInt64(truncatingIfNeeded: next >> 64)
      limb2 = multiply(low0, FieldElement.prime3, low3, &carry)
      let last = top &+ UInt128(carry)
      limb3 = UInt64(truncatingIfNeeded: last)
      limb4 = UInt64(truncatingIfNeeded: last >> 64)
    }

    /// The low half of left * right + addend + carry; the high half is the next carry.
    @inline(__always)
    private func multiply(
      _ left: UInt64, _ right: UInt64, _ addend: UInt64, _ carry: inout UInt64
    ) -> UInt64 {
      let product = UInt128(left) &* UInt128(right) &+ UInt128(addend) &+ UInt128(carry)
      carry = UInt64(truncatingIfNeeded: product >> 64)
      return UInt64(truncatingIfNeeded: product)
    }
  }

  static func + (left: FieldElement, right: FieldElement) -> FieldElement {
    var carry: UInt64 = 0
    let limb0 = add(left.limb0, right.limb0, &carry)
    let limb1 = add(left.limb1, right.limb1, &carry)
    let limb2 = add(left.limb2, right.limb2, &carry)
    let limb3 = add(left.limb3, right.limb3, &carry)
    return reduced(FieldElement(limb0, limb1, limb2, limb3), carry: carry)
  }

  static func - (left: FieldElement, right: FieldElement) -> FieldElement {
    var borrow: UInt64 = 0
    let limb0 = subtract(left.limb0, right.limb0, &borrow)
    let limb1 = subtract(left.limb1, right.limb1, &borrow)
    let limb2 = subtract(left.limb2, right.limb2, &borrow)
    let limb3 = subtract(left.limb3, right.limb3, &borrow)
    let mask = 0 &- borrow
    var carry: UInt64 = 0
    return FieldElement(
      add(limb0, mask, &carry), add(limb1, mask & prime1, &carry), add(limb2, 0, &carry),
      add(limb3, mask & prime3, &carry))
  }

  static prefix func - (number: FieldElement) -> FieldElement { .zero - number }

  var squared: FieldElement { self * self }
  var doubled: FieldElement { self + self }
  var tripled: FieldElement { self + self + self }

  /// Less p where the number, with `carry` as its fifth limb, is p or more.
  private static func reduced(_ number: FieldElement, carry: UInt64) -> FieldElement {
    var borrow: UInt64 = 0
    let limb0 = subtract(number.limb0, .max, &borrow)
    let limb1 = subtract(number.limb1, prime1, &borrow)
    let limb2 = subtract(number.limb2, 0, &borrow)
    let limb3 = subtract(number.limb3, prime3, &borrow)
    _ = subtract(carry, 0, &borrow)
    return choose(
      borrow, number, FieldElement(limb0, limb1, limb2, limb3))
  }

  @inline(__always)
  private static func add(_ left: UInt64, _ right: UInt64, _ carry: inout UInt64) -> UInt64 {
    let sum = UInt128(left) &+ UInt128(right) &+ UInt128(carry)
    carry = UInt64(truncatingIfNeeded: sum >> 64)
    return UInt64(truncatingIfNeeded: sum)
  }

  @inline(__always)
  private static func subtract(_ left: UInt64, _ right: UInt64, _ borrow: inout UInt64) -> UInt64 {
    let difference = UInt128(left) &- UInt128(right) &- UInt128(borrow)
    borrow = UInt64(truncatingIfNeeded: difference >> 64) & 1
    return UInt64(truncatingIfNeeded: difference)
  }

  // MARK: - Choices

  /// `yes` where `bit` is 1, `no` where it is 0.
  static func choose(_ bit: UInt64, _ yes: FieldElement, _ no: FieldElement) -> FieldElement {
    let mask = 0 &- bit
    return FieldElement(
      (yes.limb0 & mask) | (no.limb0 & ~mask), (yes.limb1 & mask) | (no.limb1 & ~mask),
      (yes.limb2 & mask) | (no.limb2 & ~mask), (yes.limb3 & mask) | (no.limb3 & ~mask))
  }

  /// 1 for zero, else 0.
  var isZero: UInt64 {
    let bits = limb0 | limb1 | limb2 | limb3
    return ((bits | (0 &- bits)) >> 63) ^ 1
  }

  /// 1 where both are the same number, else 0.
  func equals(_ other: FieldElement) -> UInt64 { (self - other).isZero }

  // MARK: - Powers

  /// The power (p - 3) / 4 = (2^64 - 2^32 + 1) 2^190 + 2^94 - 1, by a chain of fixed length.
  var quarterPower: FieldElement {
    // ones(n) is the power 2^n - 1.
    let ones2 = squared * self
    let ones4 = ones2.squared(2) * ones2
    let ones8 = ones4.squared(4) * ones4
    let ones16 = ones8.squared(8) * ones8
    let ones28 = (ones16.squared(8) * ones8).squared(4) * ones4
    let ones30 = ones28.squared(2) * ones2
    let ones32 = ones30.squared(2) * ones2
    let ones94 = (ones32.squared(32) * ones32).squared(30) * ones30
    let head = ones32.squared(32) * self
    return head.squared(190) * ones94
  }

  /// `self` squared so many times.
  private func squared(_ count: Int) -> FieldElement {
    var power = self
    for _ in 0..<count { power = power.squared }
    return power
  }

  /// 1 / self, and 0 for 0: the power p - 2 = 4 (p - 3) / 4 + 1 (Fermat).
  var inverse: FieldElement { quarterPower.squared(2) * self }

  /// A square root where there is one: the power (p + 1) / 4.
  var root: FieldElement { quarterPower * self }
}
