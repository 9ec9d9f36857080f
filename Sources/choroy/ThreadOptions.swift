import ArgumentParser
import ChoroySystem

/// `--threads`, for every command that computes.
struct ThreadOptions: ParsableArguments {
    @Option(help: "Threads that compute (default: one for each processor).")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...256).contains(threads) {
            throw ValidationError("--threads: expected 1 to 256, found \(threads)")
        }
    }

    /// Makes the pool as large as asked.
    func apply() { if let threads { ThreadPool.shared.setThreadCount(threads) } }
}
