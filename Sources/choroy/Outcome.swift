import ArgumentParser
import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How a command ends.
extension Choroy {
    /// Runs a command. Exit codes: 0 done, 1 failed, 2 wrong usage, others as the command says.
    static func main() {
        StandardStreams.ignoreBrokenPipes()
        let code = runToExitCode()
        #if canImport(Glibc)
            Glibc.exit(code)
        #else
            Darwin.exit(code)
        #endif
    }

    private static func runToExitCode() -> Int32 {
        do {
            var command = try parseAsRoot()
            try command.run()
            guard fflush(nil) == 0 else {
                if errno == EPIPE { throw StandardStreams.ReaderIsGone() }
                throw SystemError.file("standard output", expected: "room for the result")
            }
            return 0
        } catch {
            return end(with: error)
        }
    }

    /// Says what went wrong; gives the exit code.
    private static func end(with error: any Error) -> Int32 {
        if error is StandardStreams.ReaderIsGone { return 0 }
        if let code = error as? ExitCode { return code.rawValue }
        if let error = error as? ValidationError {
            // Found by the command as it ran; the parser's own come with the usage, below.
            StandardStreams.note("choroy: \(error)")
            return 2
        }
        switch exitCode(for: error) {
        case .success:
            // Help and version are results.
            do {
                try StandardStreams.printLine(fullMessage(for: error))
                return 0
            } catch {
                return end(with: error)
            }
        case .validationFailure:
            StandardStreams.note(fullMessage(for: error))
            return 2
        default:
            let lines = "\(error)".split(whereSeparator: \.isNewline)
            StandardStreams.note("choroy: " + lines.joined(separator: " "))
            return 1
        }
    }
}
