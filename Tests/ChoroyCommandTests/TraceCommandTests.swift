import ChoroySystem
import TestSupport
import Testing

@Suite struct `The index and trace commands` {
    private static let script = """
        printf 'It was the best of times,\\nit was the worst of times.\\n' >a.txt
        printf 'Never mind.\\n\\nIt was the best of all.\\n' >b.txt
        $choroy index a.txt b.txt --output t.index 2>/dev/null

        """

    @Test func `spans come with their files and lines, the longest first`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                Self.script + """
                    $choroy trace t.index --minimum 10 --text 'it was the worst of times. It was the best of me.'
                    """, in: directory)
            #expect(
                run.text == """
                    26 bytes, once: a.txt:2
                        it was the worst of times.
                    19 bytes, 2 times: a.txt:1, b.txt:3
                        It was the best of 
                    91.8 % of 49 bytes stand word for word in t.index, in spans of 10 bytes or more

                    """, "\(run.text) \(run.errors)")
        }
    }

    @Test func `an index is a model`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                Self.script + """
                    $choroy evaluate t.index b.txt --json | grep -c '"bits_per_byte":[0-3][.]'
                    $choroy generate t.index --prompt 'it was the w' --temperature 0 --max-tokens 15
                    """, in: directory)
            #expect(run.text == "1\norst of times.\n", "\(run.text) \(run.errors)")
        }
    }

    @Test func `tokens, words and characters are indexed, and JSON is told`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                Self.script + """
                    $choroy tokenizer train a.txt --vocab-size 270 --output tok >/dev/null 2>&1
                    $choroy index a.txt --tokenizer tok --output tok.index --json 2>/dev/null | grep -c '"unit":"token"'
                    rm -r tok
                    $choroy trace tok.index --minimum 1 --text 'the worst' --json | grep -c '"line":2,'
                    for unit in word character; do
                        $choroy index a.txt --unit $unit --output u.index 2>/dev/null
                        echo 'the worst of times.' | $choroy trace u.index --minimum 3 | head -1
                    done
                    $choroy trace t.index --verify --text 'Never' | head -1
                    """, in: directory)
            #expect(
                run.text == """
                    1
                    1
                    4 words, once: a.txt:2
                    20 characters, once: a.txt:2
                    5 bytes, once: b.txt:1

                    """, "\(run.text) \(run.errors)")
        }
    }

    @Test(arguments: [
        ("index a.txt --unit token --output x", 2, "--unit token needs --tokenizer"),
        ("index none.txt --output x", 1, "none.txt: expected a readable file"),
        ("trace a.txt --text a", 1, "a.txt, byte 0: expected a text index, found something else"),
        ("trace t.index --text a --minimum 0", 2, "--minimum: expected 1 or more, found 0"),
        ("trace t.index --text ''", 1, "expected text to look for, found none"),
        ("trace short.index --text a", 1, "short.index"),
        ("evaluate short.index a.txt", 1, "short.index"),
    ])
    func `what is wrong is said`(_ arguments: String, _ code: Int, _ words: String) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                Self.script + "head -c 700 t.index >short.index; $choroy \(arguments)",
                in: directory)
            #expect(
                Int(run.code) == code && run.errors.contains(words), "\(run.code) \(run.errors)")
        }
    }
}
