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

    @Test func `a model is written in every format, converted, inspected and evaluated`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                """
                for n in 1 2 3 4 5 6 7 8 9; do
                    printf 'the cat %s sat on the mat %s\\nno dog ate it\\n' $n $((n % 3)); done >t.txt
                $choroy ngram t.txt --order 3 --output m.arpa 2>/dev/null
                $choroy ngram t.txt --order 3 --output m.ngram 2>/dev/null
                $choroy convert m.arpa --output c.ngram --layout compact
                $choroy convert c.ngram --output back.arpa && cmp m.arpa back.arpa && echo same
                $choroy convert m.ngram --output q.ngram --layout quantized --json 2>/dev/null \\
                    | grep -c rms_log10_probability
                for m in m.arpa m.ngram c.ngram q.ngram; do
                    $choroy evaluate $m t.txt --json | sed 's/.*"bits_per_byte":\\([0-9.]\\{6\\}\\).*/\\1/'
                done
                $choroy inspect c.ngram --verify
                $choroy generate m.ngram --max-tokens 3 --temperature 0 --prompt 'no dog '
                """, in: directory)
            let bits = run.text.split(separator: "\n").filter { $0.hasPrefix("0.") }
            #expect(bits.count == 4 && Set(bits.prefix(3)).count == 1, "\(run.text) \(run.errors)")
            #expect(run.text.contains("same\n1\n"), "\(run.text) \(run.errors)")
            #expect(run.text.contains("c.ngram: n-gram model of words, order 3, compact layout"))
            #expect(run.text.contains("every section has its hash"))
            #expect(run.text.hasSuffix("ate it \n"), "\(run.text)")
            #expect(
                run.errors.contains("c.ngram: compact layout, n-grams 22 / 34 / 40"),
                "\(run.errors)")
        }
    }

    @Test func `with little memory the same bytes come out`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                """
                mkdir files; export TMPDIR=files
                awk 'BEGIN { for (i = 0; i < 20000; i++)
                    printf "w%d the x%d %s", i * 7919 % 997, i % 89, i % 3 == 2 ? "\\n" : "" }' >t.txt
                for unit in word character byte; do
                    for order in 1 2 4 9; do
                        $choroy ngram t.txt --unit $unit --order $order --output a.ngram
                        $choroy ngram t.txt --unit $unit --order $order --output b.ngram --memory 1M
                        cmp a.ngram b.ngram && echo same $unit $order
                    done
                done
                $choroy ngram t.txt --order 4 --prune 0 2 --layout quantized --output a.ngram
                $choroy ngram t.txt --order 4 --prune 0 2 --layout quantized --output b.ngram --memory 1M
                cmp a.ngram b.ngram && echo same
                awk 'BEGIN { for (i = 0; i < 30000; i++) printf "a " }' >a.txt
                $choroy ngram a.txt --order 5 --output a.ngram
                $choroy ngram a.txt --order 5 --output b.ngram --memory 1M
                cmp a.ngram b.ngram && echo same
                ls files
                TMPDIR=none $choroy ngram t.txt --order 4 --output b.ngram --memory 1M
                """, in: directory)
            let units = ["word", "character", "byte"]
            let expected = units.flatMap { unit in [1, 2, 4, 9].map { "same \(unit) \($0)" } }
            #expect(
                run.text == (expected + ["same", "same\n"]).joined(separator: "\n"),
                "\(run.text) \(run.errors)")
            #expect(
                run.errors.contains("note: more memory than --memory was needed: none: expected"),
                "\(run.errors)")
        }
    }

    #if os(Linux)
        @Test func `memory that the system does not give is an error, and no file is touched`()
            throws
        {
            try Fixtures.withTemporaryDirectory { directory in
                let run = try CommandRun.shell(
                    """
                    head -c 2000000 /dev/zero | tr '\\0' x >t.txt
                    printf kept >m.ngram
                    ulimit -v 1000000
                    $choroy ngram t.txt --unit byte --order 40 --threads 1 --output m.ngram; echo $?; cat m.ngram; ls
                    """, in: directory)
                #expect(
                    run.text == "1\nkepterrors\nm.ngram\noutput\nt.txt\n",
                    "\(run.text) \(run.errors.suffix(300))")
                #expect(
                    run.errors.contains("choroy: memory: expected"), "\(run.errors.suffix(300))")
            }
        }
    #endif

    @Test(arguments: [
        ("convert t.txt --output m.ngram", 1, "t.txt: expected a model"),
        ("convert m.ngram --output m.arpa --layout fast", 2, "goes with a file named .ngram"),
        ("inspect cut.ngram", 1, "cut.ngram, section"),
        ("inspect flipped.ngram --verify", 1, "flipped.ngram, section"),
        ("evaluate version.ngram t.txt", 1, "version.ngram, byte 8: expected version 1"),
        ("ngram t.txt --order 2 --memory x --output n.arpa", 2, "--memory"),
    ])
    func `what is no sound model is an error`(_ command: String, _ code: Int32, _ words: String)
        throws
    {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                """
                printf 'a b c\\nd e\\n' >t.txt
                $choroy ngram t.txt --order 3 --output m.ngram 2>/dev/null
                head -c 700 m.ngram >cut.ngram
                cp m.ngram flipped.ngram
                printf 'Z' | dd of=flipped.ngram bs=1 seek=$(($(wc -c <m.ngram) - 3)) conv=notrunc 2>/dev/null
                cp m.ngram version.ngram
                printf '\\007' | dd of=version.ngram bs=1 seek=8 conv=notrunc 2>/dev/null
                $choroy \(command); echo $?
                """, in: directory)
            #expect(run.text == "\(code)\n", "\(run.text) \(run.errors)")
            #expect(run.errors.contains(words), "\(run.errors)")
        }
    }
}
