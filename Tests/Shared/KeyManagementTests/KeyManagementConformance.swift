internal import Cryptography
internal import KeyManagement
internal import PrivacyCore
internal import TestSupport
internal import Testing

/// What every key management service promises. The test of each provider calls this.
///
/// - Parameters:
///   - service: the provider.
///   - sameRoot: a second connection to the same root key, as after a restart.
///   - otherRoot: the same kind of provider with another root key.
///   - joinsContexts: whether what stands behind the provider is a test double that takes contexts
///     for one when their names and values, written one after the other, are the same text.
func checkConformance(
  of service: any KeyManagementService, sameRoot: any KeyManagementService,
  otherRoot: any KeyManagementService, joinsContexts: Bool = false
) async throws {
  try await checkRoundTrips(service, sameRoot: sameRoot)
  try await checkContexts(service, joinsContexts: joinsContexts)
  try await checkChanges(service)
  try await checkOtherProviders(service, otherRoot: otherRoot)
  try await checkLimits(service)
}

private let context = ["service": "consent", "purpose": "key-encryption-key"]

private func checkRoundTrips(
  _ service: any KeyManagementService, sameRoot: any KeyManagementService
) async throws {
  for byteCount in [1, 32, WrappedKey.keyByteCountMax] {
    let bytes = SeededRandom(seed: UInt64(byteCount)).bytes(count: byteCount)
    let wrapped = try await service.wrap(SecretBytes(copying: bytes), context: context)
    #expect(wrapped.provider == service.providerName)
    #expect(!wrapped.rootKeyName.isEmpty)
    for unwrapper in [service, sameRoot] {
      let unwrapped = try await unwrapper.unwrap(wrapped, context: context)
      let isSame = unwrapped.withUnsafeBytes { $0.elementsEqual(bytes) }
      #expect(isSame, "\(byteCount) bytes come back")
    }
    if byteCount > 1 {
      let isHidden = !wrapped.ciphertext.contains(bytes)
      #expect(isHidden, "the key is not in the wrapped key")
    }
  }
  let key = SecretBytes(random: SeededRandom(seed: 1), count: 32)
  let first = try await service.wrap(key, context: context)
  let second = try await service.wrap(key, context: context)
  #expect(first.ciphertext != second.ciphertext, "equal keys cannot be seen to be equal")
}

private func checkContexts(
  _ service: any KeyManagementService, joinsContexts: Bool
) async throws {
  let wrapped = try await wrapSample(service)
  var others: [[String: String]] = [
    [:], ["service": "consent"], ["service": "vault", "purpose": "key-encryption-key"],
    ["service": "key-encryption-key", "purpose": "consent"],
    ["service": "consent", "purpose": "key-encryption-key", "more": ""],
  ]
  if !joinsContexts {
    others.append(["servic": "econsent", "purpose": "key-encryption-key"])
  }
  for other in others {
    await #expect(throws: KeyManagementError.refused, "\(other)") {
      _ = try await service.unwrap(wrapped, context: other)
    }
  }
}

private func checkChanges(_ service: any KeyManagementService) async throws {
  let wrapped = try await wrapSample(service)
  for position in wrapped.ciphertext.indices {
    var changed = wrapped
    changed.ciphertext[position] ^= 1
    await #expect(throws: KeyManagementError.refused, "byte \(position) changed") {
      _ = try await service.unwrap(changed, context: context)
    }
    changed.ciphertext = Array(wrapped.ciphertext[..<position])
    await #expect(throws: KeyManagementError.refused, "cut at byte \(position)") {
      _ = try await service.unwrap(changed, context: context)
    }
  }
}

private func checkOtherProviders(
  _ service: any KeyManagementService, otherRoot: any KeyManagementService
) async throws {
  let wrapped = try await wrapSample(service)
  await #expect(throws: KeyManagementError.self, "another root key does not unwrap") {
    _ = try await otherRoot.unwrap(wrapped, context: context)
  }
  var foreign = wrapped
  foreign.provider = "another-provider"
  await #expect {
    _ = try await service.unwrap(foreign, context: context)
  } throws: { error in
    guard case .otherProvider? = error as? KeyManagementError else { return false }
    return true
  }
}

private func checkLimits(_ service: any KeyManagementService) async throws {
  for byteCount in [0, WrappedKey.keyByteCountMax + 1] {
    await #expect(
      throws: KeyManagementError.keyByteCount(
        byteCount, byteCountMax: WrappedKey.keyByteCountMax)
    ) {
      let key = SecretBytes(random: SeededRandom(seed: 1), count: byteCount)
      _ = try await service.wrap(key, context: context)
    }
  }
  let key = SecretBytes(copying: [1])
  let fullest = ["k": String(repeating: "v", count: WrappedKey.contextByteCountMax - 1)]
  let wrapped = try await service.wrap(key, context: fullest)
  let unwrapped = try await service.unwrap(wrapped, context: fullest)
  #expect(unwrapped.byteCount == 1)
  await #expect(
    throws: KeyManagementError.contextTooLarge(
      byteCount: WrappedKey.contextByteCountMax + 1,
      byteCountMax: WrappedKey.contextByteCountMax)
  ) {
    let key = SecretBytes(copying: [1])
    _ = try await service.wrap(
      key, context: ["kk": String(repeating: "v", count: WrappedKey.contextByteCountMax - 1)])
  }
}

private func wrapSample(_ service: any KeyManagementService) async throws -> WrappedKey {
  let key = SecretBytes(random: SeededRandom(seed: 9), count: 32)
  return try await service.wrap(key, context: context)
}
