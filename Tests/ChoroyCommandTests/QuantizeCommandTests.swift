import ChoroySystem
import TestSupport
import Testing

@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `Quantizing by command` {
    @Test func `a small model stays what it was, at a quarter of its size`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                train --output m --steps 60 --threads 1 --hidden-size 64 2>/dev/null &&
                $choroy quantize m --type int8 --output q --text t.txt --json &&
                $choroy quantize m --output q2 --json --threads 1 &&
                cmp q/model.safetensors q2/model.safetensors &&
                cmp m/tokenizer.json q/tokenizer.json &&
                cmp m/generation_config.json q/generation_config.json &&
                $choroy evaluate q t.txt --json &&
                $choroy generate q --prompt "the bird" --temperature 0 --max-tokens 20 --json
                """, in: directory)
            #expect(run.code == 0, "\(run.errors)")
            let lines = try String(decoding: run.output, as: UTF8.self).split(separator: "\n").map {
                try JSONReader.parse(Array($0.utf8), path: "output")
            }
            try #require(lines.count == 4)
            let report = lines[0]
            #expect(report["ratio"]?.double ?? 1 < 0.3)
            #expect(report["mean_kl"]?.double ?? 1 < 0.003)
            #expect(report["top1_agreement"]?.double ?? 0 >= 0.98)
            let (bits, original) = (
                report["bits_per_byte"]?.double ?? 0, report["original_bits_per_byte"]?.double ?? 9
            )
            #expect(abs(bits - original) < 0.01 && bits > 0)
            #expect(report["max_kl"]?.double ?? 0 >= report["p99_kl"]?.double ?? 1)
            #expect(report["text"] == .array([.string("t.txt")]))
            #expect(lines[1]["sample_seed"] == .integer(1) && lines[1]["text"] == .null)
            #expect(abs((lines[2]["bits_per_byte"]?.double ?? 9) - bits) < 0.05)
            #expect(lines[3]["tokens"]?.integer ?? 0 > 0)
        }
    }

    @Test func `what is there, or in bytes already, is refused and stays as it is`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                train --output m --steps 2 --threads 1 2>/dev/null
                $choroy quantize m --output q > report || exit 9
                cat report
                $choroy quantize q --output r; echo $?
                $choroy quantize m --output q; echo $?
                $choroy quantize m --output m; echo $?
                $choroy quantize m --output t.txt; echo $?
                $choroy quantize m --output r --text missing.txt; echo $?
                $choroy quantize m --output r --type int3; echo $?
                ls -d r* q.tmp*
                """, in: directory)
            let output = String(decoding: run.output, as: UTF8.self)
            #expect(output.contains("a sample that the original wrote (seed 1)"), "\(output)")
            #expect(output.contains("KL divergence"))
            #expect(output.hasSuffix("1\n1\n1\n1\n1\n2\nreport\n"), "\(output)")
            for words in ["quantized already", "one with files", "the model itself", "a file"] {
                #expect(run.errors.contains(words), "\(words) in \(run.errors)")
            }
        }
    }
}
