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
        // What is typed and said in tests stays in their directory.
        let process = try spawn(
            "/bin/sh", arguments, actions: nil,
            environment: ["CHOROY_HOME": FilePath.join(directory, "home")])
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

    /// Starts a program, with the standard streams on the terminal `terminal` if given, and with
    /// variables that take the place of those of this process.
    static func spawn(
        _ path: String, _ arguments: [String], actions terminal: String?,
        environment: [String: String] = [:]
    ) throws -> pid_t {
        var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { pointer in unsafe free(pointer) } }
        let inherited = Self.variables.merging(environment) { $1 }
        var variables =
            unsafe inherited.sorted { $0.key < $1.key }
            .map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer { unsafe variables.forEach { pointer in unsafe free(pointer) } }
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
        let number = unsafe posix_spawn(&process, path, &files, &attributes, &pointers, &variables)
        guard number == 0 else {
            throw FileError(path, expected: "a program", found: SystemError.message(number))
        }
        return process
    }

    /// The environment of this process.
    private static var variables: [String: String] {
        var result: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let words = unsafe String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if words.count == 2 { result[String(words[0])] = String(words[1]) }
            unsafe entry += 1
        }
        return result
    }
}
