internal import ArgumentParser
internal import ServiceKit
internal import VectorsAPI

/// What searches and recommendations have in common.
struct AskOptions: ParsableArguments {
  @Option(help: "How many to return, 1 to 20.") var k: UInt32 = 10
  @Option(
    parsing: .unconditional,
    help: "The standard deviation of Gaussian noise on each coordinate of the unit vector.")
  var noiseSigma = 0.0
  @Option(help: "What it is for; written into the audit log.") var purpose = "command-line"
}

/// What noise means, as commands show it.
struct NoiseView: Encodable {
  let sigma: Double
  let epsilon: Double
  let delta: Double
  let statement: String

  init(_ noise: NoiseMeaning) {
    sigma = noise.sigma
    epsilon = noise.epsilon
    delta = noise.delta
    statement = noise.statement
  }

  /// The same in a line.
  var text: String { "noise of sigma \(sigma): \(statement)" }
}
