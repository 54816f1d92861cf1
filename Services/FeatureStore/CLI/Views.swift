internal import ArgumentParser
internal import FeatureStoreService
internal import FeaturesAPI
internal import Foundation
internal import ServiceKit

struct Views: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Apply, list and show feature views.",
    discussion: "Example: tacit-features views apply views.yaml",
    subcommands: [Apply.self, List.self, Show.self])

  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Put the views of a YAML file in force, all or none.",
      discussion: """
        A changed view gets the next version. A feature keeps its type: give a feature of another \
        type another name.

        Example: tacit-features views apply Examples/online-retail/views.yaml
        """)

    @Argument(help: "The YAML file.") var file: String
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let yaml = try String(contentsOf: URL(filePath: file), encoding: .utf8)
      let reply = try await client.with(.features) {
        try await FeaturesClient($0).applyViews(
          ApplyViewsRequest(yaml: yaml), options: client.callOptions)
      }
      if client.json {
        return try printJSON(["applied": reply.applied, "unchanged": reply.unchanged])
      }
      for name in reply.applied { print("applied    \(name)") }
      for name in reply.unchanged { print("unchanged  \(name)") }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the views in force.", discussion: "Example: tacit-features views list")

    @OptionGroup var client: ClientOptions

    func run() async throws {
      let views = try await views(client)
      if client.json { return try printJSON(views.map(ViewJSON.init)) }
      var table = Table("view", "version", "entity", "source", "fresh", "features")
      for view in views {
        table.add(
          view.name, String(view.version), view.entity, view.source.isEmpty ? "rows" : view.source,
          LengthOfTime.text(seconds: view.ttlSeconds), String(view.features.count))
      }
      table.show()
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one view with its features and their scopes.",
      discussion: "Example: tacit-features views show purchases")

    @Argument(help: "The view's name.") var name: String
    @OptionGroup var client: ClientOptions

    func run() async throws {
      guard let view = try await views(client).first(where: { $0.name == name }) else {
        throw CommandFailure("there is no view \(name)")
      }
      if client.json { return try printJSON(ViewJSON(view)) }
      print("\(view.name) version \(view.version), of a \(view.entity)\n")
      var table = Table("feature", "type", "scope", "aggregate", "field", "window", "default")
      for feature in view.features {
        let defaultText = feature.defaultValue.flatMap { JSONValue($0)?.text }
        table.add(
          feature.name, feature.type, feature.scope, feature.aggregate, feature.field,
          feature.aggregate.isEmpty ? "" : LengthOfTime.text(seconds: feature.windowSeconds),
          defaultText ?? "")
      }
      table.show()
    }
  }
}

private func views(_ client: ClientOptions) async throws -> [ViewDescription] {
  try await client.with(.features) {
    try await FeaturesClient($0).listViews(ListViewsRequest(), options: client.callOptions).views
  }
}

/// A view for scripts.
private struct ViewJSON: Encodable {
  struct FeatureJSON: Encodable {
    let name: String
    let type: String
    let scope: String
    let aggregate: String
    let field: String
    let windowSeconds: Int64
    let defaultValue: JSONValue?
  }

  let name: String
  let version: UInt32
  let entity: String
  let source: String
  let ttlSeconds: Int64
  let features: [FeatureJSON]

  init(_ view: ViewDescription) {
    name = view.name
    version = view.version
    entity = view.entity
    source = view.source
    ttlSeconds = view.ttlSeconds
    features = view.features.map {
      FeatureJSON(
        name: $0.name, type: $0.type, scope: $0.scope, aggregate: $0.aggregate, field: $0.field,
        windowSeconds: $0.windowSeconds, defaultValue: $0.defaultValue.flatMap { JSONValue($0) })
    }
  }
}
