#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What happens on a signal.
struct SignalAction {
    private var action: sigaction
    let number: Int32

    /// What happens on signal `number` now.
    init(of number: Int32) {
        var action = sigaction()
        unsafe sigaction(number, nil, &action)
        self.action = action
        self.number = number
    }

    /// Calls `handler`, which may do only what is safe in a signal handler; system calls go on.
    init(_ number: Int32, handler: @convention(c) (Int32) -> Void) {
        var action = sigaction()
        #if canImport(Glibc)
            unsafe action.__sigaction_handler.sa_handler = handler
        #else
            unsafe action.__sigaction_u.__sa_handler = handler
        #endif
        action.sa_flags = SA_RESTART
        self.action = action
        self.number = number
    }

    /// What the system does by itself.
    static func standard(_ number: Int32) -> SignalAction {
        var action = SignalAction(of: number)
        #if canImport(Glibc)
            unsafe action.action.__sigaction_handler.sa_handler = SIG_DFL
        #else
            unsafe action.action.__sigaction_u.__sa_handler = SIG_DFL
        #endif
        action.action.sa_flags = 0
        return action
    }

    /// Makes this what happens from now on.
    func install() {
        var action = action
        unsafe sigaction(number, &action, nil)
    }

    /// Whether nothing happens.
    var isIgnored: Bool {
        #if canImport(Glibc)
            let handler = unsafe action.__sigaction_handler.sa_handler
        #else
            let handler = unsafe action.__sigaction_u.__sa_handler
        #endif
        return unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
