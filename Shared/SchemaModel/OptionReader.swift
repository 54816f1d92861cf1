internal import CProtobufC
internal import CTacitProtos

// protobuf-c knows no extensions and keeps them as unknown fields. Packing the options writes them
// out again, and a message with the extensions' numbers reads them.

/// The options of a method.
func methodRules(
  _ options: UnsafePointer<Google__Protobuf__MethodOptions>?
) throws -> (scope: String?, isInline: Bool, isIdempotent: Bool) {
  guard let options = unsafe options else { return (nil, false, false) }
  let bytes = unsafe packed(UnsafeRawPointer(options))
  guard let rules = unsafe tacit__options__v1__method_rules__unpack(nil, bytes.count, bytes)
  else { throw SchemaError("the options of a method do not parse") }
  defer { unsafe tacit__options__v1__method_rules__free_unpacked(rules, nil) }
  return unsafe (
    rules.pointee.scope == nil ? nil : text(rules.pointee.scope), rules.pointee.inline_ != 0,
    rules.pointee.idempotent != 0
  )
}

/// The options of a field.
func fieldRules(
  _ options: UnsafePointer<Google__Protobuf__FieldOptions>?
) throws -> (maxBytes: UInt32?, maxCount: UInt32?, isSecret: Bool) {
  guard let options = unsafe options else { return (nil, nil, false) }
  let bytes = unsafe packed(UnsafeRawPointer(options))
  guard let rules = unsafe tacit__options__v1__field_rules__unpack(nil, bytes.count, bytes)
  else { throw SchemaError("the options of a field do not parse") }
  defer { unsafe tacit__options__v1__field_rules__free_unpacked(rules, nil) }
  return unsafe (
    rules.pointee.has_max_bytes != 0 ? rules.pointee.max_bytes : nil,
    rules.pointee.has_max_count != 0 ? rules.pointee.max_count : nil,
    rules.pointee.secret != 0
  )
}

private func packed(_ options: UnsafeRawPointer) -> [UInt8] {
  let message = unsafe options.assumingMemoryBound(to: ProtobufCMessage.self)
  let count = unsafe protobuf_c_message_get_packed_size(message)
  return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
    if let start = buffer.baseAddress {
      initializedCount = unsafe protobuf_c_message_pack(message, start)
    }
  }
}
