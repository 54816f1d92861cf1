public import ArgumentParser

/// A service is named on the command line as its certificate names it.
extension WellKnownService: ExpressibleByArgument {}
