import Cryptography
import Foundation
import Glibc
import KeyManagement
import KeyManagementProviders
import TestSupport
import Testing

@Suite(
  "The pkcs11 provider",
  .enabled(if: SoftToken.module != nil, "softhsm2 is not installed"), .serialized)
struct PKCS11KeyManagementServiceTests {
  @Test("it keeps the promises of every provider, in a real token")
  func conformance() async throws {
    let token = try SoftToken.shared.get()
    try await token.createKey("root")
    try await token.createKey("other")
    try await checkConformance(
      of: token.open("root"), sameRoot: token.open("root"), otherRoot: token.open("other"))
    let error = try #require(await keyManagementError { try await token.createKey("root") })
    #expect(
      error
        == .rootKeyUnusable(
          name: "tacit-test/root", reason: "there is a key of that label already"))
  }

  @Test("keys of a service outlive its restart, and move away from the token")
  func services() async throws {
    let token = try SoftToken.shared.get()
    try await token.createKey("services")
    try await withTemporaryDirectory { directory in
      let first = try await ServiceKeys.open(
        service: "vault", directory: directory, kms: token.open("services"))
      let code = try first.hmacKey(purpose: "index").authenticate([1])
      try await first.addVersion()
      let second = try await ServiceKeys.open(
        service: "vault", directory: directory, kms: token.open("services"))
      #expect(second.currentVersion == 2)
      #expect(try second.hmacKey(purpose: "index").authenticate([1]) == code)
    }
  }

  @Test("each thing that is missing or wrong is named")
  func errors() async throws {
    let token = try SoftToken.shared.get()
    try await token.createKey("errors")
    func error(_ setting: String, pin: String? = SoftToken.pin) async -> String {
      let variables = pin.map { ["TACIT_PKCS11_PIN": $0] } ?? [:]
      let error = await keyManagementError {
        let service = try openProvider(setting, .quick(variables))
        _ = try await service.wrap(SecretBytes(copying: Sample.key), context: Sample.context)
      }
      let text = error?.description ?? "no error"
      #expect(!text.contains(SoftToken.pin), "no PIN in it")
      return text
    }
    let module = try #require(SoftToken.module)
    let good = "pkcs11:\(module)?token=tacit-test&key=errors"
    #expect(await error(good) == "no error")
    #expect(
      await error(good, pin: "876543")
        == "pkcs11 at \(module) does not let this caller in: the PIN is not taken: C_Login "
        + "answered 0xa0")
    #expect(
      await error(good, pin: nil)
        == "pkcs11: there is no PIN: set pin-file=… or TACIT_PKCS11_PIN")
    #expect(
      await error("pkcs11:\(module)?token=absent&key=errors")
        == "the key provider is unavailable: pkcs11 at \(module): no token has the label of "
        + "absent/errors")
    #expect(
      await error("pkcs11:\(module)?token=tacit-test&key=absent")
        == "the root key tacit-test/absent cannot be used: the token holds no AES key of that "
        + "label")
    #expect(await error("pkcs11:\(module)?token=tacit-test") == "pkcs11: key=… is missing")
    #expect(
      await error("pkcs11:/nowhere.so?token=a&key=b")
        == "pkcs11: /nowhere.so is no PKCS #11 module that can be loaded (dlopen)")
    let libc = "pkcs11:libc.so.6?token=a&key=b"
    #expect(
      await error(libc)
        == "pkcs11: libc.so.6 is no PKCS #11 module that can be loaded (C_GetFunctionList)")
    let longest = String(repeating: "k", count: 32)
    #expect(
      await error("pkcs11:\(module)?token=tacit-test&key=\(longest)")
        == "the root key tacit-test/\(longest) cannot be used: the token holds no AES key of that "
        + "label")
    #expect(
      await error("pkcs11:\(module)?token=tacit-test&key=\(longest)k")
        == "pkcs11: a label has 1 to 32 bytes")
  }

  @Test("the PIN comes from a file that its owner alone reads")
  func pinFile() async throws {
    let token = try SoftToken.shared.get()
    try await token.createKey("pin-file")
    try await withTemporaryDirectory { directory in
      let file = try directory.writePrivate("pin", SoftToken.pin + "\n")
      let service = try openProvider(
        "pkcs11:\(try #require(SoftToken.module))?token=tacit-test&key=pin-file"
          + "&pin-file=\(file.path())")
      func wrap() async -> KeyManagementError? {
        await keyManagementError {
          _ = try await service.wrap(SecretBytes(copying: Sample.key), context: Sample.context)
        }
      }
      #expect(await wrap() == nil)
      try file.setMode(0o604)
      #expect(await wrap() == .readableByOthers(path: file.path(), mode: 0o604))
    }
  }
}

/// A token of SoftHSM, made for this process; its module has one set of tokens in a process.
struct SoftToken {
  static let pin = "648219"

  /// Where Debian and others put the module.
  static let module: String? = [
    "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
  ].first { FileManager.default.fileExists(atPath: $0) }

  static let shared = Result { try SoftToken() }

  private init() throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "tacit-softhsm-\(getpid())")
    let tokens = directory.appending(path: "tokens")
    try FileManager.default.createDirectory(at: tokens, withIntermediateDirectories: true)
    let configuration = directory.appending(path: "softhsm2.conf")
    try "directories.tokendir = \(tokens.path)\nlog.level = ERROR\n".write(
      to: configuration, atomically: true, encoding: .utf8)
    setenv("SOFTHSM2_CONF", configuration.path, 1)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "softhsm2-util", "--init-token", "--free", "--label", "tacit-test", "--so-pin", "12345678",
      "--pin", Self.pin,
    ]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "softhsm2-util makes a token")
  }

  private func setting(_ key: String) throws -> String {
    "pkcs11:\(try #require(Self.module))?token=tacit-test&key=\(key)"
  }

  func open(_ key: String) throws -> any KeyManagementService {
    try openProvider(setting(key), .quick(["TACIT_PKCS11_PIN": Self.pin]))
  }

  func createKey(_ key: String) async throws {
    let service = try #require(try open(key) as? PKCS11KeyManagementService)
    try await service.createRootKey()
  }
}
