import ChoroySystem
import TestSupport

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The built command, run by a shell or on a terminal.
enum CommandRun {
    /// `choroy` beside the test bundle.
    static let executable: String? = {
        let beside = FilePath.join(FilePath.directory(of: CommandLine.arguments[0]), "choroy")
        let built = FilePath.join(Fixtures.packageRoot, ".build/release/choroy")
        return [beside, built].first { FilePath.kind(of: $0) == .file }
    }()

    struct Result {
        var code: Int32
        var output: [UInt8]
        var errors: String
        var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// Runs a shell script in `directory`, where `$choroy` is the command.
    static func shell(_ script: String, in directory: String) throws -> Result {
        let output = FilePath.join(directory, "output")
        let errors = FilePath.join(directory, "errors")
        let words = "choroy='\(executable ?? "choroy")'; cd '\(directory)'; {\n\(script)\n} "
        let arguments = ["sh", "-c", words + "</dev/null >'\(output)' 2>'\(errors)'"]
        let process = try spawn("/bin/sh", arguments, actions: nil)
        let code = wait(for: process)
        return Result(
            code: code, output: try FileBytes.read(output),
            errors: String(decoding: try FileBytes.read(errors), as: UTF8.self))
    }

    /// The exit code, or 128 + the signal.
    static func wait(for process: pid_t) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    /// Starts a program, with the standard streams on the terminal `terminal` if given.
    static func spawn(_ path: String, _ arguments: [String], actions terminal: String?) throws
        -> pid_t
    {
        var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { pointer in unsafe free(pointer) } }
        #if canImport(Glibc)
            var files = unsafe posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #else
            var files: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #endif
        unsafe posix_spawn_file_actions_init(&files)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&files)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        // The threads that tests run on block signals, and a child would inherit that: a shell would
        // never learn that its own children have ended.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        var flags = Int16(POSIX_SPAWN_SETSIGMASK)
        if terminal != nil {
            // In a session of its own, the first terminal it opens becomes its controlling one.
            #if canImport(Glibc)
                flags |= 0x80
            #else
                flags |= 0x400
            #endif
        }
        unsafe posix_spawnattr_setflags(&attributes, flags)
        if let terminal {
            for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
                unsafe posix_spawn_file_actions_addopen(&files, descriptor, terminal, O_RDWR, 0)
            }
        }
        var process: pid_t = 0
        let number = unsafe posix_spawn(&process, path, &files, &attributes, &pointers, environ)
        guard number == 0 else {
            throw FileError(path, expected: "a program", found: SystemError.message(number))
        }
        return process
    }
}

/// The command on a terminal of its own.
final class TerminalRun {
    private let master: Int32
    private let process: pid_t
    /// All that has come from the terminal.
    private(set) var screen: [UInt8] = []
    private var seen = 0
    private var isOver = false

    init(_ arguments: [String]) throws {
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
        process = try CommandRun.spawn(
            CommandRun.executable ?? "choroy", ["choroy"] + arguments, actions: terminal)
    }

    deinit {
        if !isOver {
            kill(process, SIGKILL)
            _ = CommandRun.wait(for: process)
        }
        close(master)
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(master, $0.baseAddress, $0.count) }
    }

    /// Reads until `text` appears after what was waited for before; false after `seconds`.
    func shows(_ text: String, within seconds: Double = 10) -> Bool {
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

    private func firstPlace(of wanted: [UInt8]) -> Int? {
        guard screen.count - seen >= wanted.count else { return nil }
        return (seen...screen.count - wanted.count).first {
            screen[$0] == wanted[0] && screen[$0..<$0 + wanted.count].elementsEqual(wanted)
        }
    }

    /// Reads to the end and gives the exit code; a command that does not end is killed.
    func end() -> Int32 {
        let deadline = Machine.now() + 10
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
        return true
    }
}
