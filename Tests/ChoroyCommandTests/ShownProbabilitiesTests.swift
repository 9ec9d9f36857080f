import ChoroySystem
import TestSupport
import Testing

extension `Stored chats` {
    @Test func `colours show probabilities on a terminal that has them`() throws {
        try inDirectory { directory in
            let run = try TerminalRun(
                [
                    "chat", FilePath.join(directory, "m.arpa"), "--temperature", "0", "--no-save",
                    "--show-probabilities", "--once", "Count!",
                ],
                environment: ["TERM": "xterm-256color"])
            #expect(run.shows("\u{1B}[38;5;"))
            #expect(run.end() == 0)
            #expect(String(decoding: run.screen, as: UTF8.self).hasSuffix("\u{1B}[0m\r\n"))
            let plain = try TerminalRun(
                [
                    "chat", FilePath.join(directory, "m.arpa"), "--temperature", "0", "--no-save",
                    "--show-probabilities", "--once", "Count!",
                ],
                environment: ["NO_COLOR": "1"])
            #expect(plain.shows(" \"o\""))
            #expect(plain.end() == 0)
            #expect(!plain.screen.contains(0x1B))
        }
    }
}
