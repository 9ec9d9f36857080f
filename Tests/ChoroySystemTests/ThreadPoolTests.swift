import ChoroySystem
import Synchronization
import Testing

@Suite struct `Thread pool` {
    @Test(arguments: [0, 1, 2, 3, 100, 10_000])
    func `a job calls its body once for every index`(_ count: Int) {
        let calls = (0..<count).map { _ in Counter() }
        ThreadPool.shared.run(count) { calls[$0].add() }
        #expect(calls.allSatisfy { $0.value == 1 })
    }

    @Test func `a call from inside a job runs inline`() {
        let calls = Counter()
        ThreadPool.shared.run(8) { _ in ThreadPool.shared.run(8) { _ in calls.add() } }
        #expect(calls.value == 64)
    }

    @Test func `a thread that is late leaves its share to others`() async {
        await #expect(processExitsWith: .success) {
            // The worker may not have begun to run yet: it takes part as soon as it does.
            ThreadPool.shared.setThreadCount(2)
            let calls = (0..<64).map { _ in Counter() }
            ThreadPool.shared.run(64) { index in
                calls[index].add()
                // Whoever has this index has the first share, which the other finishes for it.
                let start = Machine.now()
                while index == 0, calls.dropFirst().contains(where: { $0.value == 0 }),
                    Machine.now() - start < 20
                {}
                if index == 0 { #expect(calls.allSatisfy { $0.value == 1 }) }
            }
            #expect(calls.allSatisfy { $0.value == 1 })
        }
    }

    @Test func `many short jobs all end`() {
        let calls = Counter()
        for _ in 0..<20_000 { ThreadPool.shared.run(3) { _ in calls.add() } }
        #expect(calls.value == 60_000)
    }

    @Test func `callers on many threads queue, each with its own job`() async {
        await withTaskGroup(of: Bool.self) { group in
            for size in 2..<10 {
                group.addTask {
                    (0..<500).allSatisfy { _ in
                        let calls = (0..<size).map { _ in Counter() }
                        ThreadPool.shared.run(size) { calls[$0].add() }
                        return calls.allSatisfy { $0.value == 1 }
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test func `a job's body is released when the job has ended`() {
        for _ in 0..<2_000 {
            weak var captured: Counter?
            do {
                let calls = Counter()
                captured = calls
                ThreadPool.shared.run(4) { _ in calls.add() }
            }
            #expect(captured == nil)
        }
    }

    @Test func `the number of threads may change between and during jobs`() async {
        let before = ThreadPool.shared.threadCount
        defer { ThreadPool.shared.setThreadCount(before) }
        let calls = Counter()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<2_000 { ThreadPool.shared.run(5) { _ in calls.add() } }
            }
            group.addTask {
                for count in 0..<400 { ThreadPool.shared.setThreadCount(count % 5) }
            }
        }
        #expect(calls.value == 10_000)
        ThreadPool.shared.setThreadCount(0)
        #expect(ThreadPool.shared.threadCount == 1)
    }

    @Test func `a job may not change the number of threads`() async {
        await #expect(processExitsWith: .failure) {
            ThreadPool.shared.setThreadCount(2)
            ThreadPool.shared.run(2) { _ in ThreadPool.shared.setThreadCount(3) }
        }
    }
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.wrappingAdd(1, ordering: .relaxed) }
}
