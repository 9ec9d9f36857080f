#!/usr/bin/env python3
"""Trains tokenizers with Choroy and with other libraries: how fast, and whether the merges are right.

usage: tokenizer_training.py speed TEXT [--vocab-size 32000] [--rounds 3] [--peers gigatoken rustbpe tokenizers] [--threads 1 2]
       tokenizer_training.py merges TEXT [--vocab-size 4096] [--pattern llama-bpe]
                             [--python PYTHON] [--choroy .build/release/choroy]

speed    one process for each run, in turns; Markdown with medians of seconds and peak memory. Each reads the text from the
         file itself; the libraries in Python that want documents get its blocks between empty lines. gigatoken cuts text in
         its own way, the others by the pattern of GPT-4, Choroy by llama-bpe.
merges   follows the merges of Choroy and of Hugging Face's trainer step by step, with counts made here: each must merge a
         pair that is the most frequent at that moment; where one alone is, both are bound to it. Tells how many steps
         had a choice, and where the lists part first.

Made with tokenizers 0.23.3, rustbpe 0.1.0, gigatoken 0.10.0. merges ends with 1 when a step is wrong.
"""
import argparse, collections, heapq, json, os, resource, statistics, subprocess, sys, tempfile, time

GPT4 = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|"
        r"\s+(?!\S)|\s+")


def documents(path):
    lines = []
    with open(path, encoding="utf-8", newline="") as file:
        for line in file:
            lines.append(line)
            if line == "\n":
                yield "".join(lines)
                lines = []
    yield "".join(lines)


def peer(name, path, size):
    """In a process of its own: trains, and prints seconds and peak memory."""
    start = time.perf_counter()
    if name == "gigatoken":
        import gigatoken
        gigatoken.train_bpe(path, size, ["<|endoftext|>"], separator=None)
    elif name == "rustbpe":
        import rustbpe
        rustbpe.Tokenizer().train_from_iterator(documents(path), size, pattern=GPT4)
    else:
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(GPT4), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        tokenizer.train_from_iterator(documents(path), trainers.BpeTrainer(
            vocab_size=size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def speed(a):
    results = collections.defaultdict(list)
    for _ in range(a.rounds):
        for threads in a.threads:
            with tempfile.TemporaryDirectory() as folder:
                process = subprocess.Popen(
                    [a.choroy, "tokenizer", "train", a.text, "--vocab-size", str(a.vocab_size), "--threads", str(threads),
                     "--output", folder + "/t", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                out = process.stdout.read()
                _, status, usage = os.wait4(process.pid, 0)
                assert status == 0
                results["choroy", threads].append((json.loads(out)["seconds"], usage.ru_maxrss * 1024))
            for name in a.peers:
                out = subprocess.run(
                    [a.python, __file__, "peer", a.text, "--vocab-size", str(a.vocab_size), "--peers", name], check=True,
                    stdout=subprocess.PIPE, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(threads)}).stdout
                results[name, threads].append(tuple(float(word) for word in out.split("\n")[-2].split()))
    print("| trainer | threads | seconds | of Choroy's | peak memory, MB |\n|---|---|---|---|---|")
    for (name, threads), runs in sorted(results.items(), key=lambda item: (item[0][1], item[0][0])):
        seconds = [run[0] for run in runs]
        ours = statistics.median(run[0] for run in results["choroy", threads])
        print(f"| {name} | {threads} | {statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | "
              f"{statistics.median(seconds) / ours:.2f} × | {statistics.median(run[1] for run in runs) / 1e6:.0f} |")


class Counts:
    """Pairs of a text's pieces, and how often each stands side by side."""

    def __init__(self, pieces):
        self.words = [(list(piece), count) for piece, count in pieces.items()]
        self.counts, self.places = collections.Counter(), collections.defaultdict(set)
        for index, (word, count) in enumerate(self.words):
            for pair in zip(word, word[1:]):
                self.counts[pair] += count
                self.places[pair].add(index)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def best(self):
        """The highest count, and whether more than one pair has it."""
        found = []
        while self.heap and len(found) < 2:
            count, pair = heapq.heappop(self.heap)
            if self.counts[pair] != -count or (found and pair == found[0][1]):
                continue
            if found and found[0][0] != count:
                heapq.heappush(self.heap, (count, pair))
                break
            found.append((count, pair))
        for entry in found:
            heapq.heappush(self.heap, entry)
        return -found[0][0], len(found) > 1

    def merge(self, pair):
        changed = set()
        for index in self.places.pop(pair):
            word, count = self.words[index]
            for old in zip(word, word[1:]):
                self.counts[old] -= count
                changed.add(old)
            place, new = 0, []
            while place < len(word):
                if tuple(word[place:place + 2]) == pair:
                    new.append(pair[0] + pair[1])
                    place += 2
                else:
                    new.append(word[place])
                    place += 1
            self.words[index] = (new, count)
            for fresh in zip(new, new[1:]):
                self.counts[fresh] += count
                self.places[fresh].add(index)
                changed.add(fresh)
        for entry in changed:
            if self.counts[entry] > 0:
                heapq.heappush(self.heap, (-self.counts[entry], entry))


def follow(name, pieces, merges):
    counts, choices = Counts(pieces), 0
    for step, pair in enumerate(merges):
        best, has_choice = counts.best()
        choices += has_choice
        if counts.counts[pair] != best:
            print(f"{name}: step {step + 1} merges {pair}, {counts.counts[pair]} times, where another pair occurs {best} times")
            return False
        counts.merge(pair)
    print(f"{name}: {len(merges)} merges, each of a most frequent pair; {choices} had a choice of several")
    return True


def merges(a):
    from tokenizers import Tokenizer, models, trainers
    # Without the lines that separate documents, which only Choroy takes for that.
    with open(a.text, encoding="utf-8", newline="") as file:
        text = "".join(line for line in file if line.strip("\r\n") != "<|endoftext|>")
    with tempfile.TemporaryDirectory() as folder:
        plain = folder + "/text.txt"
        with open(plain, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        subprocess.run([a.choroy, "tokenizer", "train", plain, "--vocab-size", str(a.vocab_size), "--pattern", a.pattern,
                        "--output", folder], check=True, stdout=subprocess.DEVNULL)
        path = folder + "/tokenizer.json"
        ours = [tuple(merge.split(" ")) for merge in json.load(open(path))["model"]["merges"]]
        reference = Tokenizer.from_file(path)
    pieces = collections.Counter(piece for piece, _ in reference.pre_tokenizer.pre_tokenize_str(text))
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = reference.pre_tokenizer
    trained.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=256 + len(ours), min_frequency=2, show_progress=False,
        initial_alphabet=[c for c in reference.get_vocab() if len(c) == 1]))
    theirs = [tuple(merge if isinstance(merge, list) else merge.split(" ")) for merge in json.loads(trained.to_str())["model"]["merges"]]
    first = next((i for i, (x, y) in enumerate(zip(ours, theirs)) if x != y), min(len(ours), len(theirs)))
    print(f"the first {first} of {len(ours)} merges are the same; {len(set(ours) & set(theirs))} are in both lists")
    right = [follow("choroy", pieces, ours), follow("tokenizers", pieces, theirs)]
    sys.exit(0 if all(right) else 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["speed", "merges", "peer"])
    parser.add_argument("text")
    parser.add_argument("--vocab-size", type=int)
    parser.add_argument("--pattern", default="llama-bpe")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers", nargs="*", default=["gigatoken", "rustbpe", "tokenizers"])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--choroy", default=".build/release/choroy")
    a = parser.parse_args()
    a.vocab_size = a.vocab_size or (4096 if a.what == "merges" else 32000)
    if a.what == "peer":
        peer(a.peers[0], a.text, a.vocab_size)
    else:
        {"speed": speed, "merges": merges}[a.what](a)


if __name__ == "__main__":
    main()
