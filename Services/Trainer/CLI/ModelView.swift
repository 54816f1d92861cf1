internal import PrivacyCore
internal import ServiceKit
internal import TrainerAPI

/// A model as commands show it.
struct ModelView: Encodable {
  let modelID: String
  let name: String
  let createdAt: String
  let dataset: String
  let purpose: String
  let peopleNoisy: Int64
  let itemCount: UInt32
  let dimension: UInt32
  let epsilon: Double
  let delta: Double
  let mechanisms: [String]
  let receiptsRoot: String
  let manifestHash: String
  let asOf: String
  let principal: String
  let codeVersion: String

  enum CodingKeys: String, CodingKey {
    case modelID = "model_id"
    case name
    case createdAt = "created_at"
    case dataset, purpose
    case peopleNoisy = "people_noisy"
    case itemCount = "item_count"
    case dimension, epsilon, delta, mechanisms
    case receiptsRoot = "receipts_root"
    case manifestHash = "manifest_hash"
    case asOf = "as_of"
    case principal
    case codeVersion = "code_version"
  }

  init(_ model: Model) {
    modelID = model.modelID
    name = model.name
    createdAt = Timestamp(microseconds: model.createdAtUs).description
    dataset = model.dataset
    purpose = model.purpose
    peopleNoisy = model.peopleNoisy
    itemCount = model.itemCount
    dimension = model.dimension
    epsilon = model.epsilon
    delta = model.delta
    mechanisms = model.mechanisms
    receiptsRoot = Hexadecimal.encode(model.receiptsRoot)
    manifestHash = Hexadecimal.encode(model.manifestHash)
    asOf = Timestamp(microseconds: model.asOfUs).description
    principal = model.principal
    codeVersion = model.codeVersion
  }

  /// All of it, a line for each field.
  func show() {
    var table = Table("field", "value")
    table.add("model", modelID)
    table.add("name", name)
    table.add("made", createdAt)
    table.add("by", principal)
    table.add("program version", codeVersion)
    table.add("data set", dataset)
    table.add("purpose", purpose)
    table.add("data as of", asOf)
    table.add("people (noisy)", "\(peopleNoisy)")
    table.add("items", "\(itemCount)")
    table.add("dimension", "\(dimension)")
    table.add("cost", "epsilon \(Figures.spent(epsilon)) at delta \(Figures.short(delta))")
    for (index, mechanism) in mechanisms.enumerated() {
      table.add(index == 0 ? "mechanisms" : "", mechanism)
    }
    table.add("receipts root", receiptsRoot)
    table.add("manifest hash", manifestHash)
    table.show()
  }
}
