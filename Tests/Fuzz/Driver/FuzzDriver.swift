internal import CFuzzer

/// What libFuzzer calls with each input.
package typealias RunOne = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32

/// Hands the process to libFuzzer, which reads the command line. Ends with the process.
package func fuzz(_ runOne: @escaping RunOne) {
  var argumentCount = CommandLine.argc
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
  withUnsafeMutablePointer(to: &arguments) { arguments in
    _ = LLVMFuzzerRunDriver(&argumentCount, arguments, runOne)
  }
}
