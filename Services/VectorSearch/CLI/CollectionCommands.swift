internal import ArgumentParser
internal import ServiceKit
internal import VectorsAPI

/// How nearness is measured, as a person writes it.
enum MetricName: String, CaseIterable, ExpressibleByArgument {
  case innerProduct = "inner-product"
  case cosine, euclidean

  var message: Metric {
    switch self {
    case .innerProduct: .innerProduct
    case .cosine: .cosine
    case .euclidean: .euclidean
    }
  }
}

/// Whose vectors a collection holds, as a person writes it.
enum SubjectName: String, CaseIterable, ExpressibleByArgument {
  case item, person

  var message: Subject {
    switch self {
    case .item: .item
    case .person: .person
    }
  }
}

/// `collections`: makes and lists collections.
struct CollectionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collections", abstract: "Make a collection, or list those there are.",
    discussion: "Example: tacit-vectors collections list",
    subcommands: [Create.self, List.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create",
      abstract: "Make a collection.",
      discussion: """
        A collection keeps its dimension, metric, subject and scope. The same command again is \
        answered with the collection that is there; other properties are refused. For a model of \
        the trainer there is nothing to make: publishing does it.

        A collection of people needs --scope: what each of them must have allowed to be found.

        Examples:
          tacit-vectors collections create songs --subject item \\
              --dimension 64 --metric cosine
          tacit-vectors collections create tastes --subject person \\
              --scope product_recs --dimension 64 --metric cosine
        """)

    @Argument(help: "Its name.") var name: String
    @Option(help: "The dimension of its vectors, 1 to 4,096.") var dimension: UInt32
    @Option(help: "How nearness is measured.") var metric: MetricName
    @Option(help: "Whose vectors it holds.") var subject: SubjectName
    @Option(help: "For people: the scope each must have allowed.") var scope: String?
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let collection = try await client.with(.vectors) {
        try await VectorsClient($0).createCollection(
          CreateCollectionRequest(
            name: name, dimension: dimension, metric: metric.message, subject: subject.message,
            scope: scope ?? ""),
          options: client.callOptions)
      }
      let view = CollectionView(collection)
      if client.json { try printJSON(view) } else { CollectionView.show([view]) }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the collections, by name.",
      discussion: "Example: tacit-vectors collections list")

    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.vectors) {
        try await VectorsClient($0).listCollections(
          ListCollectionsRequest(), options: client.callOptions)
      }
      let views = reply.collections.map(CollectionView.init)
      if client.json { return try printJSON(views) }
      if views.isEmpty { return print("there is no collection") }
      CollectionView.show(views)
    }
  }
}

/// A collection as commands show it.
private struct CollectionView: Encodable {
  let name: String
  let dimension: UInt32
  let metric: String
  let subject: String
  let scope: String?
  let vectorCount: UInt64

  enum CodingKeys: String, CodingKey {
    case name, dimension, metric, subject, scope
    case vectorCount = "vector_count"
  }

  init(_ collection: Collection) {
    name = collection.name
    dimension = collection.dimension
    metric =
      MetricName.allCases.first { $0.message == collection.metric }?.rawValue ?? "unknown"
    subject =
      SubjectName.allCases.first { $0.message == collection.subject }?.rawValue ?? "unknown"
    scope = collection.scope.isEmpty ? nil : collection.scope
    vectorCount = collection.vectorCount
  }

  static func show(_ views: [CollectionView]) {
    var table = Table("collection", "dimension", "metric", "subject", "scope", "vectors")
    for view in views {
      table.add(
        view.name, "\(view.dimension)", view.metric, view.subject, view.scope ?? "-",
        "\(view.vectorCount)")
    }
    table.show()
  }
}
