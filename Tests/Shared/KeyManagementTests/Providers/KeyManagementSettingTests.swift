import Cryptography
import Foundation
import KeyManagement
import KeyManagementProviders
import TestSupport
import Testing

@Suite("Which KMS: the setting")
struct KeyManagementSettingTests {
  @Test(
    "texts of another form are refused",
    arguments: [
      ("", "a KMS setting is provider:place"), ("root.json", "a KMS setting is provider:place"),
      (":x", "a KMS setting is provider:place"), ("file:", "file: the place of the key is missing"),
      ("file:?a=b", "file: the place of the key is missing"),
      ("file:x?a", "file: an option is name=value, not \"a\""),
      ("file:x?a=", "file: an option is name=value"), ("file:x?=b", "file: an option is"),
      ("file:x?a=%zz", "file: an option is name=value"),
      ("file:x?a=1&a=2", "file: a is given twice"),
      ("file:x?a=1", "file has no option \"a\"; it has passphrase-file"),
      ("kms:x", "there is no KMS provider \"kms\"; there are file, aws-kms, "),
    ])
  func refused(text: String, expected: String) async {
    let error = await keyManagementError { _ = try openProvider(text) }
    guard case .setting(let text)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(text.contains(expected), "\(text)")
  }

  @Test("the longest text is read, one byte more is not")
  func length() throws {
    let most = KeyManagementSetting.byteCountMax
    let longest = "file:" + String(repeating: "x", count: most - 5)
    #expect(try KeyManagementSetting(longest).place.count == most - 5)
    #expect(throws: KeyManagementError.setting("a KMS setting has at most \(most) bytes")) {
      _ = try KeyManagementSetting(longest + "x")
    }
  }

  @Test("the file provider opens in the open and with a passphrase from a file")
  func file() async throws {
    try await withTemporaryDirectory { directory in
      let plain = directory.appending(path: "plain.json")
      _ = try FileKeyManagementService.create(at: plain)
      #expect(try openProvider("file:\(plain.path())").providerName == "file")

      let sealed = directory.appending(path: "sealed.json")
      let made = try FileKeyManagementService.create(
        at: sealed, passphrase: SecretBytes(copying: "correct horse".utf8),
        cost: ScryptCost(workLog2: 4, blockSize: 1, parallelism: 1))
      let passphrase = try directory.writePrivate("passphrase", "correct horse\n")
      let setting = "file:\(sealed.path())?passphrase-file=\(passphrase.path())"
      let opened = try #require(try openProvider(setting) as? FileKeyManagementService)
      #expect(opened.rootKeyName == made.rootKeyName)

      func expect(_ expected: KeyManagementError) async {
        #expect(await keyManagementError { _ = try openProvider(setting) } == expected)
      }
      _ = try directory.writePrivate("passphrase", "wrong\n")
      await expect(.wrongPassphrase(path: sealed.path()))
      _ = try directory.writePrivate("passphrase", "\n")
      await expect(
        .damaged(path: passphrase.path(), reason: "it holds no secret of 1 to 16384 bytes"))
      _ = try directory.writePrivate("passphrase", "a\u{7}")
      await expect(
        .damaged(path: passphrase.path(), reason: "a secret is one line of printable ASCII"))
      try passphrase.setMode(0o644)
      await expect(.readableByOthers(path: passphrase.path(), mode: 0o644))
    }
  }
}
