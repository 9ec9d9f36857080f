internal import ChoroySystem
internal import Synchronization

/// Where the time of training steps goes, operation by operation.
///
/// Operations run one after another on the thread that computes, so the time since the last one ended
/// is this one's. Off unless `start` was called; then an operation costs one look at a flag.
public final class OperationTimes: Sendable {
    public static let shared = OperationTimes()

    /// All calls of one operation in one direction.
    public struct Entry: Sendable, Equatable {
        public let name: String
        public internal(set) var calls = 0
        public internal(set) var seconds = 0.0
        /// Additions and multiplications of matrix products.
        public internal(set) var operations = 0.0
        /// Bytes of the tensors that an operation must read and write at least.
        public internal(set) var bytes = 0.0
    }

    private struct Record {
        var entries: [String: Entry] = [:]
        var last = 0.0
        var operations = 0.0
    }

    private let isOn = Atomic<Bool>(false)
    private let record = Mutex(Record())

    /// Whether times are counted, so that operations must run one after another.
    package var isCounting: Bool { isOn.load(ordering: .relaxed) }

    /// Forgets what was counted and counts from now on.
    public func start() {
        record.withLock { $0 = Record(last: Machine.now()) }
        isOn.store(true, ordering: .relaxed)
    }

    /// Counts no longer; gives what was counted, the longest first.
    public func stop() -> [Entry] {
        isOn.store(false, ordering: .relaxed)
        return record.withLock { record in
            record.entries.values.sorted { ($0.seconds, $1.name) > ($1.seconds, $0.name) }
        }
    }

    /// Ends an operation; its name is a function's, of which the part before "(" counts.
    package func end(_ function: String, backward: Bool = false, floats: Int = 0) {
        guard isOn.load(ordering: .relaxed) else { return }
        let now = Machine.now()
        record.withLock { record in
            let name = function.prefix { $0 != "(" } + (backward ? ", backward" : "")
            var entry = record.entries[String(name)] ?? Entry(name: String(name))
            entry.calls += 1
            entry.seconds += now - record.last
            entry.operations += record.operations
            entry.bytes += 4 * Double(floats)
            record.entries[entry.name] = entry
            record.last = now
            record.operations = 0
        }
    }

    /// Counts additions and multiplications for the operation that runs.
    func count(operations: Int) {
        guard isOn.load(ordering: .relaxed) else { return }
        record.withLock { $0.operations += Double(operations) }
    }
}
