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

    @Test func `many short jobs all end`() {
        let calls = Counter()
        for _ in 0..<20_000 { ThreadPool.shared.run(3) { _ in calls.add() } }
        #expect(calls.value == 60_000)
    }
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.wrappingAdd(1, ordering: .relaxed) }
}
