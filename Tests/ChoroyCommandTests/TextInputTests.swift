import ChoroySystem
import TestSupport
import Testing

@Suite struct `Text for training` {
    /// Ends a script: what differs between the models of two runs, nothing when they are the same.
    static func same(_ a: String, _ b: String) -> String {
        "cmp \(a)/model.safetensors \(b)/model.safetensors && echo same"
    }

    @Test func `compressed text gives the model of plain text`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                gzip -c t.txt >t.bin
                train --output a --steps 9 && $choroy train t.bin $tiny --output b --steps 9
                cat t.txt | $choroy train - $tiny --output c --steps 9
                \(Self.same("a", "b")); \(Self.same("a", "c"))
                head -c 900 t.bin >cut.gz; $choroy train cut.gz $tiny --output d --steps 9; echo $?; ls -d d
                """, in: directory)
            #expect(run.text == "same\nsame\n1\n", "\(run.errors)")
            #expect(run.errors.contains("cut.gz, byte 900: expected the rest of the gzip data"))
        }
    }

    @Test func `a line of JSON is a document, and a bad one is named`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                sed 's/.*/{"story":"&\\\\n"}/' t.txt >s.jsonl
                sed 's/$/\\n<|endoftext|>/' t.txt >s.txt
                $choroy train s.jsonl $tiny --text-field story --output a --steps 9
                $choroy train s.txt $tiny --output b --steps 9
                \(Self.same("a", "b"))
                $choroy train s.jsonl $tiny --output c --steps 9; echo $?
                """, in: directory)
            #expect(run.text == "same\n1\n", "\(run.errors)")
            #expect(
                run.errors.contains("s.jsonl, line 1: expected an object with a string named"))
        }
    }

    @Test func `weights and held-out text decide the run, and a resumed one ends the same`() throws
    {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                head -c 9000 t.txt >u.txt; tail -c 2000 t.txt >v.txt
                mix() { $choroy train t.txt u.txt $tiny --validation v.txt --steps 40 "$@"; }
                mix --output a --weight u.txt=2.5
                $choroy train t.txt u.txt $tiny --validation v.txt --steps 40 --output b \
                    --weight u.txt=2.5 & process=$!
                sleep 0.1; kill -9 $process; wait $process
                mix --output b --weight u.txt=2.5 --resume
                \(Self.same("a", "b"))
                mix --output c; cmp -s a/model.safetensors c/model.safetensors || echo differs
                mix --output a --weight u.txt=2 --resume; echo $?
                mix --output d --weight x.txt=2; echo $?
                mix --output d --weight u.txt; echo $?
                echo few >w.txt; mix w.txt --output d --weight w.txt=2; echo $?; ls -d d
                """, in: directory)
            #expect(run.text == "same\ndiffers\n1\n2\n2\n1\n", "\(run.errors)")
            #expect(run.errors.contains("2,000 held back"))
            #expect(run.errors.contains("--weight: expected one of the text files, found x.txt"))
            #expect(run.errors.contains("expected FILE=NUMBER"))
            #expect(run.errors.contains("in the files of weight 2.0, found"))
            #expect(run.errors.contains("a/training/plan.json, text_sha256"))
        }
    }

    @Test func `tokens are made once, and again when they are damaged`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                train --output a --steps 9; cp a/training/tokens.bin t.bin
                train --output a --steps 9 --resume 2>e1; grep -c again e1
                printf x >>a/training/tokens.bin
                train --output a --steps 9 --resume 2>e2; grep -c 'tokenizing again' e2
                cmp a/training/tokens.bin t.bin && echo same
                train --output b --steps 9 --dry-run; ls -d b
                """, in: directory)
            #expect(run.text == "0\n1\nsame\n", "\(run.errors)")
        }
    }

    @Test func `a weighted file that is too short for any preset is an error`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                printf 'a few words' >few.txt; tail -c 2000 t.txt >v.txt
                $choroy train t.txt few.txt --validation v.txt --weight few.txt=2 \
                    --minutes 0.05 --output d; echo $?
                ls -d d
                """, in: directory)
            #expect(run.text == "1\n", "\(run.errors)")
            #expect(run.errors.contains("in the files of weight 2"), "\(run.errors)")
        }
    }

    @Test func `a run goes on from a model, whose weights it remembers`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                train --output a --steps 20
                from() { $choroy train t.txt --from a --steps 30 --batch-tokens 256 "$@"; }
                from --output b
                $choroy train t.txt --from a --steps 30 --batch-tokens 256 --output c & process=$!
                sleep 0.1; kill -9 $process; wait $process
                from --output c --resume
                \(Self.same("b", "c"))
                grep -c weights_sha256 b/training/plan.json
                $choroy train t.txt $tiny --from a --steps 9 --output d; echo $?
                $choroy train t.txt --from t.txt --steps 9 --output d; echo $?
                train --output e --steps 9; from --output c --from e --resume; echo $?
                $choroy train t.txt --from a --context 64 --steps 9 --output d; echo $?; ls -d d
                """, in: directory)
            #expect(run.text == "same\n1\n2\n1\n2\n2\n", "\(run.errors)")
        }
    }
}
