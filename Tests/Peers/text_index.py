#!/usr/bin/env python3
"""Checks `choroy trace` against plain searching in Python: spans, counts, files and lines.

    python3 Tests/Peers/text_index.py .build/release/choroy TEXT...

Passages of the texts, changed here and there, are traced in an index of bytes of them, and every span is
looked for with bytes.find: it must occur as often as said and where said, must not grow at either end, and
none may be missing. The infini-gram's scores are checked against counts made the same way.
"""
import json
import math
import os
import random
import subprocess
import sys
import tempfile

CHOROY = os.path.abspath(sys.argv[1])
PATHS = sys.argv[2:]
MINIMUM = 5


def occurrences(row, texts):
    """File, first and last byte of every place, overlapping ones too."""
    for number, text in enumerate(texts):
        place = text.find(row)
        while place >= 0:
            yield number, place
            place = text.find(row, place + 1)


def spans(passage, texts):
    """Parts that occur and are in no longer part that does."""
    found, end = [], 0
    for start in range(len(passage)):
        end = max(end, start)
        longest = end
        while longest < len(passage) and any(passage[start:longest + 1] in text for text in texts):
            longest += 1
        if longest > end:
            found.append((start, longest))
            end = longest
    return [span for span in found if span[1] - span[0] >= MINIMUM]


def run(*words, **more):
    return subprocess.run([CHOROY, *words], check=True, capture_output=True, **more).stdout


MARK = "\u0100"


def nats(context, letter, text, d=0.8, orders=6):
    """The score of a letter after a context: the formula of InfiniGram.swift, by counting in the whole text."""
    def discount(count):
        return d * count ** d

    longest = len(context)
    while longest and context[-longest:] not in text:
        longest -= 1
    lengths = list(range(min(longest, orders) + 1))
    if longest > orders:
        lengths.append(longest)
    share = 1 / 257
    for length in lengths:
        counts = {}
        row = context[len(context) - length:]
        place = text.find(row)
        while 0 <= place < len(text) - length:
            follower = text[place + length]
            counts[follower] = counts.get(follower, 0) + 1
            place = text.find(row, place + 1)
        kept = counts.get(letter, 0)
        share = (kept - (discount(kept) if kept else 0)
                 + sum(map(discount, counts.values())) * share) / sum(counts.values())
    return -math.log(share)


def main():
    random.seed(1)
    texts = [open(path, "rb").read() for path in PATHS]
    with tempfile.TemporaryDirectory() as folder:
        index = os.path.join(folder, "t.index")
        run("index", *PATHS, "--output", index)
        checked = 0
        for _ in range(20):
            passage = b""
            for _ in range(6):
                text = random.choice(texts)
                start = random.randrange(len(text) - 100)
                passage += text[start:start + random.randrange(3, 60)]
            passage = passage.decode(errors="ignore").encode()
            found = json.loads(run(
                "trace", index, "--text-file", "-", "--json", "--minimum", str(MINIMUM),
                "--limit", "1000000", "--places", "1000000", input=passage))
            expected = spans(passage, texts)
            got = sorted((s["first_byte"], s["first_byte"] + s["bytes"]) for s in found["spans"])
            assert got == expected, (passage, got, expected)
            for span in found["spans"]:
                row = passage[span["first_byte"]:span["first_byte"] + span["bytes"]]
                places = list(occurrences(row, texts))
                assert span["count"] == len(places), (row, span["count"], len(places))
                if len(places) <= 4096:
                    lines = sorted(
                        (PATHS[number], texts[number].count(b"\n", 0, place) + 1,
                         texts[number].count(b"\n", 0, place + len(row) - 1) + 1)
                        for number, place in places)
                    said = sorted((p["file"], p["line"], p["last_line"]) for p in span["places"])
                    assert said == lines, (row, said[:3], lines[:3])
                checked += 1
        print(f"{checked} spans: the same spans, counts and places")

        whole = MARK + "".join(text.decode("latin-1") + MARK for text in texts)
        passage = texts[0][5000:5030] + b"qzx " + texts[-1][9000:9020]
        scored = json.loads(run("evaluate", index, "-", "--json", input=passage))["nats"]
        context, total = MARK, 0.0
        for letter in passage.decode("latin-1"):
            total += nats(context, letter, whole)
            context += letter
        print(f"{len(passage)} bytes: {scored:.9f} nats, {total:.9f} by counting")
        assert abs(scored - total) < 1e-9 * total


main()
