package import PrivacyCore
internal import SealedStore

/// Whom a former pid means while the rotation of pid keys that replaced it runs.
package struct FormerName: StoreValue, Hashable {
  /// The pid that the person has now.
  package let pid: PseudonymousID
  /// The rotation.
  package let rotation: UInt32

  package init(_ pid: PseudonymousID, in rotation: UInt32) {
    self.pid = pid
    self.rotation = rotation
  }

  package func encodeValue() -> [UInt8] {
    pid.bytes + withUnsafeBytes(of: rotation.bigEndian) { Array($0) }
  }

  package init(storedValue bytes: [UInt8]) throws {
    guard bytes.count == 36, let pid = PseudonymousID(bytes: Array(bytes[..<32])) else {
      throw StoreError.corrupted("whom a former pid means")
    }
    self.init(pid, in: bytes[32...].reduce(0) { $0 << 8 | UInt32($1) })
  }
}
