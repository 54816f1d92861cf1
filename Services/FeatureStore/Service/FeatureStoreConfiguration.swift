package import Renaming

/// The settings of the feature store. Limits of what definitions and writes may hold are in
/// `FeatureLimits`.
package struct FeatureStoreConfiguration: Sendable {
  /// About how many values of people are kept opened in memory; one takes up to 32 bytes.
  /// 4 million by default.
  package var cachedValueCountMax = 4_000_000
  /// About how many subject keys are kept in memory. 200,000 by default.
  package var subjectKeyCountMax = 200_000
  /// The most events of one person in one source, from 1. 200,000 by default.
  package var eventCountMax = 200_000
  /// The most features times people that one call may ask for. 20,000 by default.
  package var cellCountMax = 20_000
  /// About the most bytes of one answer, below the frame's limit of 4 MiB. 3 MiB by default.
  package var replyByteCountMax = 3 << 20
  /// The most training sets that are read at one time: each holds a snapshot. 4 by default.
  package var trainingSetCountMax = 4
  /// How many people of a training set are looked at together, from 1. 256 by default.
  package var trainingPageCount = 256
  /// About how many bytes go into one batch of a training set. 256 KiB by default.
  package var trainingBatchByteCount = 256 << 10
  /// The longest a training set may take, in seconds. 1,800 by default.
  package var trainingSecondsMax: Int64 = 1_800
  /// How fast the rows of people are moved to new pids. 10,000 rows a second by default.
  package var rekeyPace = RekeyPace()

  /// The defaults.
  package init() {}
}
