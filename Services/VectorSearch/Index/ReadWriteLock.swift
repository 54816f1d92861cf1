internal import Glibc

/// A value that many may read at one time or one may change.
@safe final class ReadWriteLock<Value>: @unchecked Sendable {
  // Unchecked: the value is only reached inside the two functions, under the lock.
  private let lock: UnsafeMutablePointer<pthread_rwlock_t>
  private var value: Value

  init(_ value: sending Value) {
    unsafe lock = .allocate(capacity: 1)
    unsafe pthread_rwlock_init(lock, nil)
    self.value = value
  }

  deinit {
    unsafe pthread_rwlock_destroy(lock)
    unsafe lock.deallocate()
  }

  func reading<Answer>(_ body: (borrowing Value) throws -> Answer) rethrows -> Answer {
    unsafe pthread_rwlock_rdlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body(value)
  }

  func writing<Answer>(_ body: (inout Value) throws -> Answer) rethrows -> Answer {
    unsafe pthread_rwlock_wrlock(lock)
    defer { unsafe pthread_rwlock_unlock(lock) }
    return try body(&value)
  }
}
