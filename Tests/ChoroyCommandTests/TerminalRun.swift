import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The command on a terminal of its own.
final class TerminalRun {
    private let master: Int32
    let process: pid_t
    /// All that has come from the terminal.
    private(set) var screen: [UInt8] = []
    /// What a person sees of it.
    private(set) var display: TerminalScreen
    private var seen = 0
    /// Bytes on the screen when something was typed last; what was there before answers nothing.
    private var typedAt = 0
    private var isOver = false

    /// Starts `choroy`, or `program`, on a terminal of some size.
    init(
        _ arguments: [String], program: String? = nil, home: String? = nil,
        environment: [String: String] = [:], columns: Int = 80, rows: Int = 24
    ) throws {
        #if canImport(Glibc)
            // TIOCSPTLCK and TIOCGPTN: what unlockpt and ptsname do, which Swift does not see.
            var lock: Int32 = 0
            var number: UInt32 = 0
            master = unsafe Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
            guard master >= 0, unsafe ioctl(master, 0x4004_5431, &lock) == 0,
                unsafe ioctl(master, 0x8004_5430, &number) == 0
            else { throw SystemError.file("/dev/ptmx", expected: "a terminal") }
            let terminal = "/dev/pts/\(number)"
        #else
            master = posix_openpt(O_RDWR | O_NOCTTY)
            guard master >= 0, grantpt(master) == 0, unlockpt(master) == 0,
                let name = unsafe ptsname(master)
            else { throw SystemError.file("/dev/ptmx", expected: "a terminal") }
            let terminal = unsafe String(cString: name)
        #endif
        var size = winsize()
        (size.ws_col, size.ws_row) = (UInt16(columns), UInt16(rows))
        _ = unsafe ioctl(master, UInt(TIOCSWINSZ), &size)
        display = TerminalScreen(columns: columns, rows: rows)
        let path = program ?? CommandRun.executable ?? "choroy"
        // Without a home of its own, a test must not read or write anybody's history.
        let standard = ["TERM": "xterm", "NO_COLOR": "", "CHOROY_HOME": home ?? "/dev/null/none"]
        process = try CommandRun.spawn(
            path, [FilePath.name(of: path)] + arguments, actions: terminal,
            environment: standard.merging(environment) { $1 })
    }

    deinit {
        if !isOver {
            kill(process, SIGKILL)
            _ = CommandRun.wait(for: process)
        }
        close(master)
    }

    /// Sends what keys would send; reads meanwhile, as a terminal does.
    func type(_ text: String) {
        var left = Array(text.utf8)[...]
        while read(until: Machine.now()) {}
        typedAt = screen.count
        while !left.isEmpty {
            var request = pollfd(fd: master, events: Int16(POLLIN | POLLOUT), revents: 0)
            guard unsafe poll(&request, 1, 10_000) > 0 else { return }
            if request.revents & Int16(POLLIN) != 0 { _ = read(until: Machine.now()) }
            guard request.revents & Int16(POLLOUT) != 0 else { continue }
            let piece = Array(left.prefix(1024))
            let count = unsafe piece.withUnsafeBytes {
                unsafe write(master, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            left = left.dropFirst(count)
        }
    }

    func send(_ signal: Int32) { kill(process, signal) }

    /// Gives the window another size; a terminal breaks its lines anew then.
    func resize(columns: Int, rows: Int) {
        display.resize(columns: columns, rows: rows)
        var size = winsize()
        (size.ws_col, size.ws_row) = (UInt16(columns), UInt16(rows))
        _ = unsafe ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    /// Whether the terminal makes lines and signals of keys and shows them.
    var isCooked: Bool {
        var modes = termios()
        guard unsafe tcgetattr(master, &modes) == 0 else { return false }
        let wanted = tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        return modes.c_lflag & wanted == wanted && modes.c_iflag & tcflag_t(ICRNL) != 0
    }

    /// Reads until `text` appears after what was waited for before; false after `seconds`.
    func shows(_ text: String, within seconds: Double = 30) -> Bool {
        let wanted = Array(text.utf8)
        let end = Machine.now() + seconds
        repeat {
            if let place = firstPlace(of: wanted) {
                seen = place + wanted.count
                return true
            }
        } while read(until: end)
        return false
    }

    /// Reads until what a person sees fulfils a condition; false after `seconds`.
    func sees(within seconds: Double = 30, _ condition: (TerminalScreen) -> Bool) -> Bool {
        let end = Machine.now() + seconds
        repeat {
            if condition(display) { return true }
        } while read(until: end)
        return false
    }

    /// Reads until the line with the cursor and those above it are these.
    func sees(_ lines: String..., within seconds: Double = 30) -> Bool {
        sees(within: seconds) { display in
            screen.count > typedAt
                && display.lines.prefix(display.cursor.row + 1).suffix(lines.count) == lines[...]
        }
    }

    private func firstPlace(of wanted: [UInt8]) -> Int? {
        guard screen.count - seen >= wanted.count else { return nil }
        return (seen...screen.count - wanted.count).first {
            screen[$0] == wanted[0] && screen[$0..<$0 + wanted.count].elementsEqual(wanted)
        }
    }

    /// Reads to the end and gives the exit code; a command that does not end is killed.
    func end(within seconds: Double = 30) -> Int32 {
        let deadline = Machine.now() + seconds
        while Machine.now() < deadline, read(until: deadline) {}
        isOver = true
        if Machine.now() >= deadline { kill(process, SIGKILL) }
        return CommandRun.wait(for: process)
    }

    private func read(until end: Double) -> Bool {
        var request = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        let left = Int32(max(0, (end - Machine.now()) * 1000))
        guard unsafe poll(&request, 1, left) > 0 else { return false }
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        #if canImport(Glibc)
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe Glibc.read(master, $0.baseAddress, $0.count)
            }
        #else
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe Darwin.read(master, $0.baseAddress, $0.count)
            }
        #endif
        guard count > 0 else { return false }
        screen += piece[..<count]
        display.feed(piece[..<count])
        return true
    }
}
