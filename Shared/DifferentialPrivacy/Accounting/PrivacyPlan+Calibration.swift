extension PrivacyPlan {
  /// The smallest noise multiplier (to a part in 10^4, on the private side) with which so many
  /// sampled Gaussian steps stay within the target. Takes about 25 times as long as one epsilon.
  ///
  /// Throws `targetUnreachable` when no multiplier in range does.
  public static func noiseMultiplier(
    for target: PrivacyParameters, samplingRate: SamplingRate, stepCount: StepCount
  ) throws(DifferentialPrivacyError) -> NoiseMultiplier {
    func isPrivate(_ sigma: Double) throws(DifferentialPrivacyError) -> Bool {
      let plan = try PrivacyPlan(
        .sampledGaussian(NoiseMultiplier(sigma), samplingRate), stepCount: stepCount)
      return plan.epsilon(at: target.delta) <= target.epsilon.value
    }
    let sigma = try smallestNoiseMultiplier(relativeTolerance: 1e-4, where: isPrivate)
    return try NoiseMultiplier(sigma)
  }
}
