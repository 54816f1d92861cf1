import DifferentialPrivacy
import Testing

@Suite("Privacy parameters")
struct ParametersTests {
  @Test(
    "an epsilon of 0, negative, NaN or infinite is refused",
    arguments: [0, -0.0, -1, .nan, .infinity, -.infinity])
  func invalidEpsilon(value: Double) {
    #expect { try Epsilon(value) } throws: { error in
      if case .invalidEpsilon? = error as? DifferentialPrivacyError { true } else { false }
    }
  }

  @Test(
    "a delta outside the open interval from 0 to 1 is refused", arguments: [0, 1, -1e-9, 2, .nan])
  func invalidDelta(value: Double) {
    #expect { try Delta(value) } throws: { error in
      if case .invalidDelta? = error as? DifferentialPrivacyError { true } else { false }
    }
  }

  @Test("the ends of every range are inside and the numbers beyond are not")
  func ends() throws {
    #expect(try Epsilon(.leastNonzeroMagnitude).value > 0)
    #expect(try Delta(1e-300).value == 1e-300)
    #expect(try Delta(1.0.nextDown).value < 1)
    #expect(try SamplingRate(0).value == 0)
    #expect(try SamplingRate(1) == .everybody)
    #expect(throws: DifferentialPrivacyError.invalidSamplingRate(-1e-9)) { try SamplingRate(-1e-9) }
    #expect(throws: DifferentialPrivacyError.invalidSamplingRate(1.5)) { try SamplingRate(1.5) }
    #expect(try StepCount(0).value == 0)
    #expect(try StepCount(100_000_000).value == 100_000_000)
    #expect(throws: DifferentialPrivacyError.invalidStepCount(-1)) { try StepCount(-1) }
    #expect(throws: DifferentialPrivacyError.invalidStepCount(100_000_001)) {
      try StepCount(100_000_001)
    }
    #expect(try NoiseMultiplier(0.01).value == 0.01)
    #expect(try NoiseMultiplier(1e9).value == 1e9)
    #expect(throws: DifferentialPrivacyError.invalidNoiseMultiplier(0.0099)) {
      try NoiseMultiplier(0.0099)
    }
    #expect(throws: DifferentialPrivacyError.invalidNoiseMultiplier(.infinity)) {
      try NoiseMultiplier(.infinity)
    }
  }

  @Test("an error says what was wrong with which value")
  func descriptions() {
    #expect(
      DifferentialPrivacyError.invalidEpsilon(0).description
        == "epsilon must be finite and above 0, not 0.0")
    #expect(DifferentialPrivacyError.invalidSamplingRate(2).description.contains("0...1, not 2.0"))
  }
}
