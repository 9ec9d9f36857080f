import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whether the terminal is in raw mode; written before and after `original`, for signal handlers.
private let isRaw = Atomic<Bool>(false)
/// The modes to go back to. Written only while `isRaw` is false.
private nonisolated(unsafe) var original = termios()
/// Signals that came and wait for the editor: see `RawMode.Signals`.
private let arrived = Atomic<Int>(0)

/// The terminal of standard input gives each key at once and shows none by itself.
///
/// The modes from before come back in `leave`, and on every other way out: `exit`, a crash, a second
/// signal.
struct RawMode {
    /// What the editor has to answer.
    struct Signals: OptionSet {
        let rawValue: Int
        /// SIGTSTP: go to the background.
        static let suspend = Signals(rawValue: 1)
        /// SIGCONT: the modes may be another program's now.
        static let goOn = Signals(rawValue: 2)
        /// SIGWINCH: the window has another size.
        static let resize = Signals(rawValue: 4)
    }

    private var earlier: [SignalAction] = []

    /// Enters raw mode; nil when the terminal cannot.
    init?() {
        var modes = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &modes) == 0 else { return nil }
        // Not the modes that hide keys.
        if !isRaw.load(ordering: .sequentiallyConsistent) { unsafe original = modes }
        Self.registerOnce
        isRaw.store(true, ordering: .sequentiallyConsistent)
        guard Self.apply() else {
            isRaw.store(false, ordering: .sequentiallyConsistent)
            return nil
        }
        arrived.store(0, ordering: .sequentiallyConsistent)
        for number in [SIGTSTP, SIGCONT, SIGWINCH] { handle(number) { RawMode.note($0) } }
    }

    private mutating func handle(_ number: Int32, with handler: @convention(c) (Int32) -> Void) {
        let action = SignalAction(of: number)
        guard !action.isIgnored else { return }
        earlier.append(action)
        SignalAction(number, handler: handler).install()
    }

    /// The modes and the answers to signals from before.
    ///
    /// With `hidingKeys` the terminal shows no keys yet: what is typed while something else is written
    /// waits for the next prompt.
    func leave(hidingKeys: Bool = false) {
        if hidingKeys { Self.hideKeys() } else { Self.restore() }
        for action in earlier { action.install() }
    }

    private static func hideKeys() {
        var modes = unsafe original
        modes.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(STDIN_FILENO, TCSANOW, &modes)
        endPasteMarks()
    }

    /// The signals that have come since this was asked last.
    static func signals() -> Signals {
        Signals(rawValue: arrived.exchange(0, ordering: .sequentiallyConsistent))
    }

    /// Stops the process as Ctrl-Z does, and goes on in raw mode when it is continued.
    func suspend() {
        Self.restore()
        let stop = SignalAction(of: SIGTSTP)
        if !stop.isIgnored {
            SignalAction.standard(SIGTSTP).install()
            kill(0, SIGTSTP)
            stop.install()
        }
        enterAgain()
    }

    /// After somebody else may have changed the modes.
    func enterAgain() {
        // Asked to end while it was stopped: in the background the terminal is not ours to change.
        guard !Interrupts.requested else { return }
        isRaw.store(true, ordering: .sequentiallyConsistent)
        _ = Self.apply()
    }

    private static func apply() -> Bool {
        var modes = unsafe original
        modes.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INLCR | IGNCR | ISTRIP | IXON)
        modes.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG)
        unsafe withUnsafeMutableBytes(of: &modes.c_cc) { characters in
            unsafe characters[Int(VMIN)] = 1
            unsafe characters[Int(VTIME)] = 0
        }
        return unsafe tcsetattr(STDIN_FILENO, TCSANOW, &modes) == 0
    }

    // MARK: In signal handlers

    /// The modes from before, if they are not back already; only what a signal handler may call.
    static func restore() {
        guard isRaw.exchange(false, ordering: .sequentiallyConsistent) else { return }
        // In the background this would stop the process.
        guard tcgetpgrp(STDIN_FILENO) == getpgrp() else { return }
        unsafe tcsetattr(STDIN_FILENO, TCSANOW, &original)
        endPasteMarks()
    }

    private static func endPasteMarks() {
        let screen = isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : STDERR_FILENO
        pasteMarksOff.withUTF8Buffer { bytes in
            _ = unsafe write(screen, bytes.baseAddress, bytes.count)
        }
    }

    /// Turns bracketed paste on and off (XTerm Control Sequences, DECSET 2004).
    static let pasteMarksOn = "\u{1B}[?2004h"
    private static var pasteMarksOff: StaticString { "\u{1B}[?2004l" }

    private static func note(_ number: Int32) {
        let signal: Signals = number == SIGTSTP ? .suspend : number == SIGCONT ? .goOn : .resize
        _ = arrived.bitwiseOr(signal.rawValue, ordering: .sequentiallyConsistent)
    }

    private static func crash(_ number: Int32) {
        restore()
        SignalAction.standard(number).install()
        _ = raise(number)
    }

    /// From the first prompt to the end of the process: keys are hidden during replies too.
    private static let registerOnce: Void = {
        _ = atexit { RawMode.restore() }
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGQUIT]
        where !SignalAction(of: number).isIgnored {
            SignalAction(number) { RawMode.crash($0) }.install()
        }
    }()
}
