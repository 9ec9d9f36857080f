import ArgumentParser
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The signal that asked to stop and has not been answered; 0 when there is none.
private let pending = Atomic<Int32>(0)

/// Requests to stop: Ctrl-C (SIGINT), SIGTERM, and SIGHUP of a terminal that has gone.
///
/// The first one only raises a flag, so that a command can finish a step and save. A second one
/// before the flag is cleared ends the process at once, with 130 or 143; not a second SIGHUP, which
/// system and shell both send.
enum Interrupts {
    /// Starts to collect signals; until then they end the process. SIGHUP stays ignored for `nohup`.
    static func collect() {
        // Touched here so that the handler never is the first to use it.
        pending.store(0, ordering: .sequentiallyConsistent)
        RawMode.restore()
        for number in numbers where number != SIGHUP || !SignalAction(of: SIGHUP).isIgnored {
            SignalAction(number) { Interrupts.raise($0) }.install()
        }
    }

    /// From now on a signal ends the process at once, as before `collect`.
    static func release() {
        for number in numbers where !SignalAction(of: number).isIgnored {
            SignalAction.standard(number).install()
        }
        if let number = Self.signal { _exit(128 + number) }
    }

    private static var numbers: [Int32] { [SIGINT, SIGTERM, SIGHUP] }

    /// Only an atomic exchange, the terminal's modes and `_exit`, which a signal handler may do.
    private static func raise(_ number: Int32) {
        let earlier = pending.exchange(number, ordering: .sequentiallyConsistent)
        guard earlier != 0, number != SIGHUP else { return }
        RawMode.restore()
        _exit(128 + number)
    }

    /// Asks to stop, as Ctrl-C does where the terminal makes a signal of it.
    static func request() { pending.store(keyboard, ordering: .sequentiallyConsistent) }

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

    /// How a command ends that was stopped: 130, 143 or 129.
    static var exitCode: ExitCode { ExitCode(128 + (signal ?? SIGINT)) }
}
