import ChoroySystem
import TestSupport
import Testing

@Suite struct `The ngram command` {
    @Test func `n-grams are left out, and the model reads on`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                """
                printf 'a b c\\na b c\\nb c a\\nd e\\n' >t.txt; echo 'a b c' >v.txt
                $choroy ngram t.txt --order 3 --prune 0 0 1 --output p.arpa
                grep -c . p.arpa; grep '^ngram' p.arpa
                $choroy ngram t.txt --order 3 --limit-vocab v.txt --prune 0 1 --output l.arpa --json \\
                    | sed 's/.*"ngrams":\\([^ ]*\\]\\),"disc.*/\\1/'
                $choroy evaluate l.arpa t.txt --json | grep -c bits_per_byte
                """, in: directory)
            // Three n-grams of three words come twice: <s> a b, a b c, b c </s>.
            #expect(
                run.text == """
                    \(8 + 10 + 3 + 9)
                    ngram 1=8
                    ngram 2=10
                    ngram 3=3
                    [6,4,3]
                    1

                    """, "\(run.text) \(run.errors)")
        }
    }

    @Test(arguments: [
        ("--prune 1 0", "do not fall"), ("--prune -1", "prune"), ("--prune 0 0 1 2", "at most 3"),
        ("--unit byte --prune 1", "only words can be left out"),
        ("--unit character --limit-vocab t.txt", "--limit-vocab goes with --unit word"),
        ("--limit-vocab none.txt", "none.txt: expected a readable file"),
    ])
    func `what cannot be left out is said`(_ options: String, _ words: String) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                """
                echo 'a b c' >t.txt
                $choroy ngram t.txt --order 3 --output p.arpa \(options); echo $?; ls
                """, in: directory)
            #expect(!run.text.hasPrefix("0\n") && !run.text.contains("p.arpa"))
            #expect(run.errors.contains(words), "\(run.errors)")
        }
    }
}
