import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The one fork-join pool of the process.
///
/// `run(count) { index in … }` calls its body once for every index and returns when all calls have
/// ended. Each thread begins with a share of consecutive indices, the same for jobs of the same count,
/// so that it finds in its caches what it left there; then it takes what is left of the others'. Which
/// thread took an index is not determined, so bodies write to disjoint places and results never depend
/// on the number of threads. A call from inside a body runs inline; callers on other threads queue. Idle
/// workers spin for a moment, since the next operation usually follows at once, and then sleep.
public final class ThreadPool: Sendable {
    public static let shared = ThreadPool()

    /// Threads that take part in a job, the caller among them.
    public var threadCount: Int { limit.load(ordering: .relaxed) }

    /// (epoch << 17) | (closed << 16) | workers inside the current job.
    private let state = Atomic<UInt64>(1 << 16)
    private let shares = Shares()
    private let job = Atomic<UInt>(0)
    private let parked = Atomic<Int>(0)
    private let limit = Atomic<Int>(1)
    private let owner = Atomic<UInt>(0)
    private let workerKey: pthread_key_t
    private let signal = Signal()
    private let callers = Mutex<Int>(0)

    /// Looks at the state before a waiting thread offers its processor to others, some microseconds.
    private static let spinTurns = 4_000

    private struct Job {
        let count: Int
        let threads: Int
        let body: (Int) -> Void

        /// The indices that thread `thread` begins with.
        func share(_ thread: Int) -> Range<Int> {
            thread * count / threads..<(thread + 1) * count / threads
        }
    }

    private init() {
        var key = pthread_key_t()
        unsafe pthread_key_create(&key, nil)
        workerKey = key
        setThreadCount(Self.processorCount)
    }

    /// Processors this process may use.
    public static var processorCount: Int {
        #if canImport(Glibc)
            // "Cpus_allowed:	3", a mask in hexadecimal; sysconf does not heed it.
            let status = (try? FileBytes.read("/proc/self/status", limit: 1 << 16)) ?? []
            for line in status.split(separator: 10) where line.starts(with: "Cpus_allowed:".utf8) {
                let mask = String(decoding: line.dropFirst(13), as: UTF8.self)
                let count = mask.compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount }
                if count > 0 { return count }
            }
        #endif
        return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// Sets how many threads take part from the next job on, at least 1.
    ///
    /// - Precondition: not called from inside a job.
    public func setThreadCount(_ count: Int) {
        precondition(!isInside, "setThreadCount: called from inside a job")
        callers.withLock { workers in
            let count = max(1, min(count, 256))
            limit.store(count, ordering: .relaxed)
            while workers < count - 1 {
                start(worker: workers)
                workers += 1
            }
        }
    }

    /// Calls `body` for every index in `0..<count`; returns when all calls have ended.
    public func run(_ count: Int, _ body: (Int) -> Void) {
        if count <= 1 || threadCount == 1 || isInside {
            for index in 0..<max(0, count) { body(index) }
            return
        }
        callers.withLock { _ in
            owner.store(Self.currentThread, ordering: .relaxed)
            withoutActuallyEscaping(body) { body in
                var work = Job(count: count, threads: threadCount, body: body)
                for thread in 0..<work.threads {
                    shares.set(thread, to: work.share(thread).lowerBound)
                }
                unsafe withUnsafeMutablePointer(to: &work) { pointer in
                    job.store(UInt(bitPattern: pointer), ordering: .relaxed)
                    let epoch = (state.load(ordering: .relaxed) >> 17) &+ 1
                    state.store(epoch << 17, ordering: .sequentiallyConsistent)
                    if parked.load(ordering: .sequentiallyConsistent) > 0 { signal.broadcast() }
                    take(unsafe pointer.pointee, as: 0)
                    state.bitwiseOr(1 << 16, ordering: .acquiringAndReleasing)
                    var turns = 0
                    while state.load(ordering: .acquiring) & 0xFFFF != 0 {
                        turns += 1
                        // A worker may have lost its processor: let it have this one.
                        if turns > Self.spinTurns { sched_yield() }
                    }
                }
            }
            owner.store(0, ordering: .relaxed)
        }
    }

    /// Does the share of thread `own`, then what is left of the others'.
    private func take(_ job: Job, as own: Int) {
        for step in 0..<job.threads {
            let thread = (own + step) % job.threads
            let end = job.share(thread).upperBound
            while let index = shares.take(thread, below: end) { job.body(index) }
        }
    }

    private static var currentThread: UInt {
        #if canImport(Glibc)
            UInt(pthread_self())
        #else
            UInt(bitPattern: pthread_self())
        #endif
    }

    /// The number of the thread that asks: 1 and above for the pool's own, 0 for any other.
    package var currentIndex: Int { Int(bitPattern: unsafe pthread_getspecific(workerKey)) }

    private var isInside: Bool {
        unsafe pthread_getspecific(workerKey) != nil
            || owner.load(ordering: .relaxed) == Self.currentThread
    }

    private func start(worker: Int) {
        let entry = unsafe Unmanaged.passRetained(WorkerEntry(pool: self, worker: worker))
        #if canImport(Glibc)
            var thread = pthread_t()
        #else
            var thread: pthread_t?
        #endif
        let result = unsafe pthread_create(&thread, nil, workerMain, entry.toOpaque())
        if result != 0 { unsafe entry.release() }
    }

    fileprivate func serve(worker: Int) {
        unsafe pthread_setspecific(workerKey, UnsafeRawPointer(bitPattern: worker + 1))
        // Before the first job, so that a thread that starts late has part in one that runs.
        var seen: UInt64 = 0
        var patience = 0
        while true {
            let now = state.load(ordering: .acquiring)
            if now >> 17 == seen {
                patience += 1
                if patience > Self.spinTurns { sched_yield() }
                if patience > Self.spinTurns + 300 {
                    park(while: seen)
                    patience = 0
                }
                continue
            }
            patience = 0
            if now & (1 << 16) != 0 || worker >= threadCount - 1 {
                seen = now >> 17
                continue
            }
            let joined = state.weakCompareExchange(
                expected: now, desired: now + 1, ordering: .acquiringAndReleasing)
            guard joined.exchanged else { continue }
            seen = now >> 17
            if let pointer = unsafe UnsafePointer<Job>(
                bitPattern: job.load(ordering: .relaxed))
            {
                take(unsafe pointer.pointee, as: worker + 1)
            }
            state.wrappingSubtract(1, ordering: .acquiringAndReleasing)
        }
    }

    private func park(while seen: UInt64) {
        signal.wait(
            entering: { parked.wrappingAdd(1, ordering: .sequentiallyConsistent) },
            while: { state.load(ordering: .sequentiallyConsistent) >> 17 == seen },
            leaving: { parked.wrappingSubtract(1, ordering: .sequentiallyConsistent) })
    }
}

private final class WorkerEntry {
    let pool: ThreadPool
    let worker: Int
    init(pool: ThreadPool, worker: Int) {
        self.pool = pool
        self.worker = worker
    }
}

#if canImport(Glibc)
    private func workerMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        unsafe serveWorker(argument)
    }
#else
    private func workerMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        unsafe serveWorker(argument)
    }
#endif

private func serveWorker(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    let entry = unsafe Unmanaged<WorkerEntry>.fromOpaque(argument).takeRetainedValue()
    entry.pool.serve(worker: entry.worker)
    return nil
}

/// For each thread the next index of its share, each in cache lines of its own.
///
/// `@unchecked`: the pointer is set once, and what it points to is made for sharing.
@safe private final class Shares: @unchecked Sendable {
    private static let stride = 16
    private let next: UnsafeMutablePointer<Atomic<Int>>

    init() {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: 256 * Self.stride * 8, alignment: 128)
        unsafe next = raw.bindMemory(to: Atomic<Int>.self, capacity: 256 * Self.stride)
        for thread in 0..<256 { unsafe (next + thread * Self.stride).initialize(to: Atomic(0)) }
    }

    func set(_ thread: Int, to index: Int) {
        unsafe next[thread * Self.stride].store(index, ordering: .relaxed)
    }

    /// The next index of thread `thread`'s share; nil when all below `end` are taken.
    func take(_ thread: Int, below end: Int) -> Int? {
        let place = thread * Self.stride
        guard unsafe next[place].load(ordering: .relaxed) < end else { return nil }
        let index = unsafe next[place].wrappingAdd(1, ordering: .relaxed).oldValue
        return index < end ? index : nil
    }
}

/// A condition variable with its mutex, both at addresses that never move.
///
/// `@unchecked`: the pointers are set once, and what they point to is made for sharing.
@safe private final class Signal: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    func broadcast() {
        unsafe pthread_mutex_lock(mutex)
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    func wait(entering: () -> Void, while condition: () -> Bool, leaving: () -> Void) {
        unsafe pthread_mutex_lock(mutex)
        entering()
        while condition() { unsafe pthread_cond_wait(self.condition, mutex) }
        leaving()
        unsafe pthread_mutex_unlock(mutex)
    }
}
