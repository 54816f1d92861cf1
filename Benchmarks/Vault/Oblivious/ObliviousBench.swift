internal import Cryptography
internal import Foundation
internal import PrivacyCore

/// Measures the oblivious function on one thread and prints one JSON document:
///
///     oprf_per_s_core           elements in a second as BlindEvaluate does them: read, evaluated,
///                               proven in batches, written
///     oprf_pid_per_s_core       pids in a second where the vault sees the identifiers
///     oprf_client_per_s_core    pids in a second at a partner: blinded, verified, unblinded
///     evaluate_us, prove_us, read_us   what an element costs in each step
///
///     swift build -c release --product vault-oblivious-bench
///     vault-oblivious-bench [batch] [seconds]        1024 elements, 3 seconds each
@main
struct ObliviousBench {
  private let batchCount: Int
  private let seconds: Double
  private let key: ObliviousKey
  private let inputs: [[UInt8]]
  private let random = SystemRandom()

  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst().map { Double($0) ?? 0 }
    let batchCount = arguments.isEmpty ? 1_024 : Int(arguments[0])
    let seconds = arguments.count > 1 ? arguments[1] : 3
    guard (1...ObliviousPRF.batchCountMax).contains(batchCount), (0.1...600).contains(seconds)
    else {
      FileHandle.standardError.write(
        Data("batch: 1 to \(ObliviousPRF.batchCountMax); seconds: 0.1 to 600\n".utf8))
      exit(2)
    }
    try ObliviousBench(batchCount: batchCount, seconds: seconds).run()
  }

  private init(batchCount: Int, seconds: Double) throws {
    self.batchCount = batchCount
    self.seconds = seconds
    key = try ObliviousKey(seed: SecretBytes(random: SystemRandom(), count: 32), info: [])
    inputs = (0..<batchCount).map { Array("person-\($0)@example.com".utf8) }
  }

  private struct Result: Encodable {
    let batch: Int
    let oprfPerSCore: Double
    let oprfPidPerSCore: Double
    let oprfClientPerSCore: Double
    let evaluateUs: Double
    let proveUs: Double
    let readUs: Double
  }

  private func run() throws {
    let batch = try ObliviousBatch(inputs, random: random)
    let sent = batch.blinded.map(\.bytes)
    var evaluated = try key.evaluate(batch.blinded)
    var proof = try key.prove(batch.blinded, evaluated: evaluated, random: random)
    let whole = try perSecond {
      let blinded = try sent.map { try ObliviousElement(bytes: $0) }
      evaluated = try key.evaluate(blinded)
      proof = try key.prove(blinded, evaluated: evaluated, random: random)
    }
    let reading = try perSecond { for bytes in sent { _ = try ObliviousElement(bytes: bytes) } }
    let evaluating = try perSecond { _ = try key.evaluate(batch.blinded) }
    let proving = try perSecond {
      _ = try key.prove(batch.blinded, evaluated: evaluated, random: random)
    }
    let direct = try perSecond { for input in inputs { _ = try key.output(of: input) } }
    let client = try perSecond {
      _ = try ObliviousBatch(inputs, random: random)
      _ = try batch.finalize(evaluated, proof: proof, publicKey: key.publicKey)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let result = Result(
      batch: batchCount, oprfPerSCore: whole, oprfPidPerSCore: direct, oprfClientPerSCore: client,
      evaluateUs: 1e6 / evaluating, proveUs: 1e6 / proving, readUs: 1e6 / reading)
    print(String(decoding: try encoder.encode(result), as: UTF8.self))
  }

  /// Elements in a second, over as many batches as fill the time.
  private func perSecond(_ body: () throws -> Void) throws -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var count = 0
    while (clock.now - start) / .seconds(1) < seconds {
      try body()
      count += batchCount
    }
    return Double(count) / ((clock.now - start) / .seconds(1))
  }
}
