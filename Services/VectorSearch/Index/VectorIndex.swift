/// Placeholder.
package enum VectorIndexPlaceholder {}
