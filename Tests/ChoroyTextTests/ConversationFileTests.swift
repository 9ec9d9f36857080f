import ChoroySystem
import ChoroyText
import TestSupport
import Testing

@Suite struct `Chat data` {
    /// The conversations in `text`, each message as "role: content", and the layouts.
    private func read(_ text: String) throws -> (chats: [[String]], layouts: [String]) {
        try Fixtures.withTemporaryDirectory { directory in
            let path = FilePath.join(directory, "f")
            try AtomicFile.write(Array(text.utf8), to: path)
            return try read(path: path)
        }
    }

    private func read(path: String) throws -> (chats: [[String]], layouts: [String]) {
        var chats: [[String]] = []
        var layouts: [String] = []
        try ConversationFile(path).forEach { conversation, layout in
            chats.append(conversation.messages.map { "\($0.role.rawValue): \($0.content)" })
            layouts.append(layout.rawValue)
        }
        return (chats, layouts)
    }

    @Test(arguments: [
        (
            #"{"x": 1, "messages": [{"role": "user", "content": "a", "name": "n"}, {"role": "assistant", "content": "b"}]}"#,
            "messages", ["user: a", "assistant: b"]
        ),
        (
            #"{"messages": [{"role": "system", "content": "s"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "content": "t"}, {"role": "assistant", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]}]}"#,
            "messages",
            [
                "system: s", #"assistant: {"name":"f","arguments":"{}"}"#, "tool: t",
                "assistant: bc",
            ]
        ),
        (#"{"prompt": "a", "completion": "b"}"#, "prompt/completion", ["user: a", "assistant: b"]),
        (#"{"prompt": "a", "response": "b"}"#, "prompt/completion", ["user: a", "assistant: b"]),
        (
            #"{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}"#,
            "prompt/completion", ["user: a", "assistant: b"]
        ),
        (
            #"{"system": "s", "tools": "[]", "conversations": [{"from": "human", "value": "a"}, {"from": "function_call", "value": "f"}, {"from": "observation", "value": "o"}, {"from": "gpt", "value": "b"}]}"#,
            "ShareGPT", ["system: s", "user: a", "assistant: f", "tool: o", "assistant: b"]
        ),
        (
            #"{"conversations": [{"from": "system", "value": "s"}, {"from": "user", "value": "a"}, {"from": "chatgpt", "value": "b"}, {"from": "tool", "value": "o"}, {"from": "function_response", "value": "p"}, {"from": "assistant", "value": "c"}]}"#,
            "ShareGPT",
            ["system: s", "user: a", "assistant: b", "tool: o", "tool: p", "assistant: c"]
        ),
        (#"{"instruction": "a", "output": "b"}"#, "Alpaca", ["user: a", "assistant: b"]),
        (
            #"{"instruction": "a", "input": "", "output": "b", "chosen": 1}"#, "Alpaca",
            ["user: a", "assistant: b"]
        ),
        (
            #"{"instruction": "a", "input": "i", "output": "b"}"#, "Alpaca",
            ["user: a\n\ni", "assistant: b"]
        ),
    ])
    func `is recognised by its keys`(text: String, layout: String, chat: [String]) throws {
        for text in [text, "\u{FEFF}\(text)\r\n\r\n", "[\(text)]", " \n[\n \(text)\n]\n "] {
            let (chats, layouts) = try read(text)
            #expect(chats == [chat])
            #expect(layouts == [layout])
        }
    }

    @Test func `may mix layouts, and an instruction may have several instances`() throws {
        let (chats, layouts) = try read(
            """
            {"prompt": "a", "completion": "b"}
            {"instruction": "c", "instances": [{"input": "1", "output": "2"}, {"input": "", "output": "3"}]}
            """)
        #expect(layouts == ["prompt/completion", "Alpaca", "Alpaca"])
        #expect(chats[1] == ["user: c\n\n1", "assistant: 2"])
        #expect(chats[2] == ["user: c", "assistant: 3"])
    }

    @Test func `may be a written dialogue`() throws {
        let (chats, layouts) = try read(
            "\nUser: a\r\nAssistant: b\nmore\n\n<|endoftext|>\n\nSystem: s\nUser:c\nAssistant: d: e"
        )
        #expect(
            chats == [
                ["user: a", "assistant: b\nmore"], ["system: s", "user: c", "assistant: d: e"],
            ])
        #expect(layouts == ["written dialogue", "written dialogue"])
        for (text, place) in [
            ("User: a\n<|endoftext|>\n", "line 1"),
            ("User: a\nAssistant: b\n<|endoftext|>\n\nno turn\n", "line 5"),
        ] {
            let error = #expect(throws: FileError.self) { try read(text) }
            #expect(error?.place == place)
        }
    }

    @Test func `of many pieces is cut at the right places`() throws {
        // Brackets, commas, quotes and line ends inside of strings, over the border of any piece.
        let filling = String(repeating: #"],[}{\"\\\", \n"#, count: 4000)
        let record = #"{"prompt": "\#(filling)", "completion": "é"}"#
        let lines = [String](repeating: record, count: 9)
        let expected = try read(record).chats[0]
        for text in [lines.joined(separator: "\n"), "[\(lines.joined(separator: ",\n"))]"] {
            #expect(try read(text).chats == [[String]](repeating: expected, count: 9))
        }
    }

    private static let good = #"{"prompt": "a", "completion": "b"}"#

    @Test(arguments: [
        ("", "f: expected conversations, found none"),
        (" \n ", "expected conversations, found none"), ("[]", "expected conversations"),
        ("[ ]x", "expected the end behind the array"),
        ("\(good)\n\n{\"messages\": [oops]}", "f, line 3, byte 14: expected a JSON value"),
        ("\(good)\nnull", "line 2: expected an object, found null"),
        ("[\(good), 1]", "element 2: expected an object, found an integer"),
        ("[\(good),]", "element 2, byte 0: expected a JSON value"),
        ("[\(good)", "element 1: expected \"]\", found the end"),
        ("[\(good) \(good)]", "element 1, byte"), ("\u{FEFF}\n x", "line 2, byte"),
        (#"{"text": "a"}"#, #"line 1: expected "messages", "conversations""#),
        ("{}", "found no keys"),
        (#"{"messages": {}}"#, "line 1, messages: expected an array, found an object"),
        (#"{"messages": []}"#, "expected a turn of the assistant, found no turns"),
        (#"{"messages": [{"role": "user", "content": "a"}]}"#, "found only user's"),
        (
            #"{"messages": [{"role": "wizard", "content": "a"}]}"#,
            #"line 1, messages[0].role: expected system, user, assistant or tool, found "wizard""#
        ),
        (#"{"messages": [{"content": "a"}]}"#, "messages[0].role: expected system"),
        (#"{"messages": [{"role": "user"}]}"#, "messages[0].content: expected a string"),
        (#"{"messages": [{"role": "user", "content": null}]}"#, "found null"),
        (#"{"messages": [{"role": "user", "content": 5}]}"#, "found 5"),
        (
            #"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#,
            #"messages[0].content[0]: expected a part of type "text", found "image_url""#
        ),
        (#"{"messages": [{"role": "user", "content": ["a"]}]}"#, "content[0]"),
        (#"{"messages": ["a"]}"#, "messages[0]: expected an object"),
        (#"{"conversations": [{"from": "wizard", "value": "a"}]}"#, "conversations[0].from"),
        (#"{"conversations": [{"from": "gpt"}]}"#, "conversations[0].value: expected a string"),
        (#"{"conversations": [{"from": "human", "value": "a"}]}"#, "a turn of the assistant"),
        (#"{"instruction": "a"}"#, "output: expected a string, found no such key"),
        (#"{"instruction": 1, "output": "a"}"#, "instruction: expected a string"),
        (#"{"instruction": "a", "input": 1, "output": "a"}"#, "input: expected a string"),
        (#"{"instruction": "a", "instances": []}"#, "instances: expected"),
        (#"{"instruction": "a", "instances": [{"input": ""}]}"#, "instances[0].output"),
        (#"{"prompt": "a", "chosen": "b"}"#, "completion: expected a string"),
        (#"{"prompt": "a", "completion": 1}"#, "completion: expected a string"),
        (#"{"prompt": "a", "prompt": "a", "completion": "b"}"#, "expected each key once"),
    ])
    func `that does not fit is told with its place`(text: String, words: String) throws {
        let error = #expect(throws: FileError.self) { try read(text) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test(.enabled(if: Fixtures.shared("chat") != nil, sharedDataIsAbsent))
    func `of the shared folder loads`() throws {
        let expected = [
            ("chatterbot-english.jsonl", "messages", 2025),
            ("coffee-orders.jsonl", "messages", 399),
            ("dolly-hhrlhf-small.jsonl", "prompt/completion", 900),
            ("glaive-toolcall-300.json", "ShareGPT", 300),
            ("identity-template.json", "Alpaca", 91), ("instruction-1000.json", "Alpaca", 1000),
            ("preference-1000.json", "Alpaca", 1000), ("self-dialogue.jsonl", "messages", 5000),
            ("self-instruct-seed-tasks.jsonl", "Alpaca", 175),
            ("sharegpt-identity.json", "ShareGPT", 500), ("tinyfables-sft.jsonl", "messages", 834),
        ]
        for (name, layout, count) in expected {
            let path = try #require(Fixtures.shared("chat/\(name)"))
            let (chats, layouts) = try read(path: path)
            #expect(chats.count == count, "\(name)")
            #expect(Set(layouts) == [layout], "\(name)")
        }
        for (name, words) in [
            ("dpo-demo-300.json", "element 1: expected a turn of the assistant"),
            ("chatterbot-conversations.yml", "line 1, byte 0: expected a JSON value"),
        ] {
            let path = try #require(Fixtures.shared("chat/\(name)"))
            let error = #expect(throws: FileError.self) { try read(path: path) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
    }

    @Test(.enabled(if: Fixtures.shared("malformed/chat") != nil, sharedDataIsAbsent))
    func `of the malformed folder is refused as expected`() throws {
        let folder = try #require(Fixtures.shared("malformed"))
        let table = String(
            decoding: try FileBytes.read(FilePath.join(folder, "EXPECTED.tsv")), as: UTF8.self)
        let rows = table.split(separator: "\n").map { $0.split(separator: "\t") }
            .filter { $0[0].hasPrefix("chat/") }
        #expect(rows.count >= 5)
        for row in rows {
            let path = FilePath.join(folder, String(row[0]))
            let result = Result { try read(path: path) }
            switch result {
            case .success: #expect(row[1] == "ok", "\(row)")
            case .failure(let error):
                #expect(row[1] == "error", "\(error)")
                #expect("\(error)".hasPrefix(path))
                if row[0].contains("line-3") { #expect("\(error)".contains("line 3")) }
            }
        }
    }
}
