internal import ArgumentParser
internal import ServiceKit
internal import Testing
internal import Transport

@Suite("Addresses on a command line")
struct EndpointOptionsTests {
  private static let notAddresses = [
    "nonsense", "127.0.0.1", ":7101", "127.0.0.1:99999", "::1:7101",
  ]

  @Test("one that is none is a mistake of usage that names the flag", arguments: notAddresses)
  func client(text: String) throws {
    let options = try ClientOptions.parse(["--plain", "--to", text])
    let error = #expect(throws: ValidationError.self) { try options.client(of: .consent) }
    #expect(error?.message.hasPrefix("--to: ") == true)
  }

  @Test("the same where a service listens and where it looks for others", arguments: notAddresses)
  func serve(text: String) throws {
    let options = try ServeOptions.parse(["--listen", text, "--peer", "vault=\(text)"])
    let listen = #expect(throws: ValidationError.self) { try options.endpoint(of: .consent) }
    #expect(listen?.message.hasPrefix("--listen: ") == true)
    let peer = #expect(throws: ValidationError.self) { try options.peerEndpoints(.vault) }
    #expect(peer?.message.hasPrefix("--peer: ") == true)
  }

  @Test("a good one is taken")
  func good() throws {
    let options = try ServeOptions.parse([
      "--listen", "[::1]:7101", "--peer", "vault=v.internal:1,w:2",
    ])
    #expect(try options.endpoint(of: .consent).description == "[::1]:7101")
    #expect(try options.peerEndpoints(.vault).map(\.description) == ["v.internal:1", "w:2"])
  }
}
