"""Compares the chat template of a fine-tuned directory with what Choroy trains on.

Renders conversations with transformers' apply_chat_template and checks that its ids are those of the same text
written by hand, marks as special tokens; prints the first conversation's ids for `choroy` to be compared with.

    python Tests/Peers/chat_template.py DIR [CHATS.jsonl]
"""

import json
import sys

from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
chats = [
    [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Hello! How are you?"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is it?\nTell me."},
        {"role": "assistant", "content": "A bird.\n\nIt's green, 123."},
        {"role": "tool", "content": '{"a": 1}'},
        {"role": "assistant", "content": "안녕 😉"},
    ],
]
if len(sys.argv) > 2:
    chats += [json.loads(line)["messages"] for line in open(sys.argv[2])]
start, end = (tokenizer.convert_tokens_to_ids(mark) for mark in ("<|im_start|>", "<|im_end|>"))
assert tokenizer.eos_token_id == end, tokenizer.eos_token


def plain(text):
    return tokenizer.encode(text, add_special_tokens=False)


for chat in chats:
    ids = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False)
    expected, between = [], ""
    for message in chat:
        head = message["role"] + "\n"
        # Choroy encodes text together except at the border of what the assistant says.
        if message["role"] == "assistant":
            body = plain(head) + plain(message["content"])
        else:
            body = plain(head + message["content"])
        expected += [start] + body + [end] + plain("\n")
    assert ids == expected, (chat, ids, expected)
prompt = tokenizer.apply_chat_template(chats[0][:1], add_generation_prompt=True, tokenize=True, return_dict=False)
assert prompt == tokenizer.apply_chat_template(chats[0], tokenize=True, return_dict=False)[: len(prompt)]
print(f"{len(chats)} conversations: the same ids")
print("first:", *tokenizer.apply_chat_template(chats[0], tokenize=True, return_dict=False))
