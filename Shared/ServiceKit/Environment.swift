internal import Foundation

/// Settings that come from a flag, else from the environment, else from a default.
public enum Environment {
  /// The flag where it is given, else the environment variable where it is set and not empty,
  /// else the default.
  public static func setting(_ flag: String?, variable: String, default fallback: String) -> String
  {
    flag ?? value(of: variable) ?? fallback
  }

  /// The value of a variable that is set and not empty.
  public static func value(of variable: String) -> String? {
    let value = ProcessInfo.processInfo.environment[variable]
    return value?.isEmpty == false ? value : nil
  }

  /// Whether a flag is given or its variable is `1`, `true` or `yes`.
  public static func flag(_ flag: Bool, variable: String) -> Bool {
    flag || ["1", "true", "yes"].contains(value(of: variable)?.lowercased() ?? "")
  }
}
