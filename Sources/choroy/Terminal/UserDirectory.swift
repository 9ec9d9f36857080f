import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where Choroy keeps what a person said: the history of the prompt, stored conversations.
enum UserDirectory {
    /// `$CHOROY_HOME`, else `$XDG_DATA_HOME/choroy`, else `~/.local/share/choroy`; nil when none of
    /// the variables is set.
    static var path: String? {
        if let home = variable("CHOROY_HOME") { return home }
        // As the XDG Base Directory Specification says, a relative path there does not count.
        if let data = variable("XDG_DATA_HOME"), data.hasPrefix("/") {
            return FilePath.join(data, "choroy")
        }
        return variable("HOME").map { FilePath.join($0, ".local/share/choroy") }
    }

    /// The directory, made if it is missing, readable for nobody else.
    static func open() throws -> PrivateDirectory {
        guard let path else {
            throw FileError(
                "the user's directory", expected: "HOME or CHOROY_HOME in the environment",
                found: "neither")
        }
        return try PrivateDirectory(at: path)
    }

    private static func variable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }
}
