import ArgumentParser
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The signal that asked to stop and has not been answered; 0 when there is none.
private let pending = Atomic<Int32>(0)

/// Requests to stop: Ctrl-C (SIGINT) and SIGTERM.
///
/// The first one only raises a flag, so that a command can finish a step and save. A second one
/// before the flag is cleared ends the process at once, with 130 or 143.
enum Interrupts {
    /// Starts to collect signals; until then they end the process.
    static func collect() {
        // Touched here so that the handler never is the first to use it.
        pending.store(0, ordering: .sequentiallyConsistent)
        for number in [SIGINT, SIGTERM] {
            var action = sigaction()
            #if canImport(Glibc)
                unsafe action.__sigaction_handler.sa_handler = { Interrupts.raise($0) }
            #else
                unsafe action.__sigaction_u.__sa_handler = { Interrupts.raise($0) }
            #endif
            action.sa_flags = SA_RESTART
            unsafe sigaction(number, &action, nil)
        }
    }

    /// From now on a signal ends the process at once, as before `collect`.
    static func release() {
        for number in [SIGINT, SIGTERM] {
            var action = sigaction()
            #if canImport(Glibc)
                unsafe action.__sigaction_handler.sa_handler = SIG_DFL
            #else
                unsafe action.__sigaction_u.__sa_handler = SIG_DFL
            #endif
            unsafe sigaction(number, &action, nil)
        }
        if let number = Self.signal { _exit(128 + number) }
    }

    /// Only an atomic exchange and `_exit`, both of which a signal handler may do.
    private static func raise(_ number: Int32) {
        if pending.exchange(number, ordering: .sequentiallyConsistent) != 0 { _exit(128 + number) }
    }

    /// Whether somebody asked to stop.
    static var requested: Bool { signal != nil }

    /// The signal that asked to stop.
    static var signal: Int32? {
        let number = pending.load(ordering: .sequentiallyConsistent)
        return number == 0 ? nil : number
    }

    /// What Ctrl-C sends.
    static let keyboard: Int32 = SIGINT

    /// Takes the request as answered.
    static func clear() { pending.store(0, ordering: .sequentiallyConsistent) }

    /// How a command ends that was stopped: 130 or 143.
    static var exitCode: ExitCode { ExitCode(128 + (signal ?? SIGINT)) }
}
