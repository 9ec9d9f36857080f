import ChoroySystem

/// `tokenizer.json` and `tokenizer_config.json` in Hugging Face's form.
enum TokenizerFile {
    /// The regular expressions that `Split` pre-tokenizers name, by pattern.
    static let expressions: [(pattern: PreTokenizer.Pattern, expression: String)] = [
        (
            .llamaBPE,
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"#
                + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        ),
        (
            .qwen2,
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"#
                + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        ),
        (
            // tiktoken's, with \z for the end of the text: $ is the end of a line to Hugging Face's engine.
            .cl100k,
            #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}|"#
                + #" ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|\s+(?!\S)|\s"#
        ),
        (
            .o200k,
            #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
                + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"#
                + #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
                + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"#
                + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
        ),
        (
            .gpt2,
            #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        ),
        (
            .gpt2,
            #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        ),
    ]

    static func write(
        _ tokenizer: Tokenizer, template: ChatTemplate?, to directory: String
    ) throws {
        guard tokenizer.sentencePiece == nil else {
            throw FileError(
                directory, expected: "a byte-level tokenizer to write", found: "SentencePiece's")
        }
        try FilePath.createDirectory(directory)
        try AtomicFile.write(
            JSONWriter.bytes(json(tokenizer), indentation: 2) + [10],
            to: FilePath.join(directory, "tokenizer.json"))
        try AtomicFile.write(
            JSONWriter.bytes(configuration(tokenizer, template), indentation: 2) + [10],
            to: FilePath.join(directory, "tokenizer_config.json"))
    }

    private static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(JSONObject(members.map { ($0.key, $0.value) }))
    }

    private static func json(_ tokenizer: Tokenizer) -> JSONValue {
        let added = tokenizer.added.tokens
        var names = [String?](repeating: nil, count: tokenizer.vocabularySize)
        for token in added { names[Int(token.id)] = token.content }
        var vocabulary = JSONObject()
        for id in 0..<tokenizer.vocabularySize {
            let bytes = tokenizer.tokens.bytes(of: id)
            let name = names[id] ?? ByteAlphabet.text(of: bytes)
            names[id] = name
            if !name.isEmpty { vocabulary.append(name, .integer(id)) }
        }
        let merges = tokenizer.merges.map { merge in
            JSONValue.string("\(names[Int(merge.left)] ?? "") \(names[Int(merge.right)] ?? "")")
        }
        return object([
            "version": .string("1.0"), "truncation": .null, "padding": .null,
            "added_tokens": .array(
                added.map { token in
                    object([
                        "id": .integer(Int(token.id)), "content": .string(token.content),
                        "single_word": .bool(token.isSingleWord),
                        "lstrip": .bool(token.stripsLeft),
                        "rstrip": .bool(token.stripsRight),
                        "normalized": .bool(token.isNormalized),
                        "special": .bool(token.isSpecial),
                    ])
                }),
            "normalizer": tokenizer.normalization.map {
                object(["type": .string($0.rawValue)])
            } ?? .null,
            "pre_tokenizer": preTokenizer(tokenizer.pattern),
            "post_processor": .null,
            "decoder": byteLevel(usesPattern: true),
            "model": object([
                "type": .string("BPE"), "dropout": .null, "unk_token": .null,
                "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
                "fuse_unk": .bool(false), "byte_fallback": .bool(false),
                "ignore_merges": .bool(tokenizer.ignoresMerges),
                "vocab": .object(vocabulary), "merges": .array(merges),
            ]),
        ])
    }

    static func byteLevel(usesPattern: Bool) -> JSONValue {
        object([
            "type": .string("ByteLevel"), "add_prefix_space": .bool(false),
            "trim_offsets": .bool(true), "use_regex": .bool(usesPattern),
        ])
    }

    static func preTokenizer(_ pattern: PreTokenizer.Pattern) -> JSONValue {
        let first: JSONValue
        switch pattern {
        case .gpt2: return byteLevel(usesPattern: true)
        case .smollm:
            first = object(["type": .string("Digits"), "individual_digits": .bool(true)])
        case .llamaBPE, .qwen2, .cl100k, .o200k:
            let expression = expressions.first { $0.pattern == pattern }?.expression ?? ""
            first = object([
                "type": .string("Split"), "pattern": object(["Regex": .string(expression)]),
                "behavior": .string("Isolated"), "invert": .bool(false),
            ])
        }
        return object([
            "type": .string("Sequence"),
            "pretokenizers": .array([first, byteLevel(usesPattern: pattern == .smollm)]),
        ])
    }

    private static func configuration(_ tokenizer: Tokenizer, _ template: ChatTemplate?)
        -> JSONValue
    {
        var members: [(key: String, value: JSONValue)] = [
            ("tokenizer_class", .string("PreTrainedTokenizerFast")),
            ("add_prefix_space", .bool(false)),
            ("clean_up_tokenization_spaces", .bool(false)),
        ]
        if tokenizer.id(ofSpecial: "<|endoftext|>") != nil {
            members.append(("bos_token", .string("<|endoftext|>")))
            // A reply ends where its turn does.
            members.append(
                ("eos_token", .string(template == .chatML ? "<|im_end|>" : "<|endoftext|>")))
        }
        if template == .chatML {
            members.append(("chat_template", .string(ChatTemplate.chatMLSource)))
        }
        return .object(JSONObject(members))
    }
}
