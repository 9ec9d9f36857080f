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
        try FilePath.createDirectory(directory)
        try AtomicFile.write(
            JSONWriter.bytes(json(tokenizer), indentation: 2) + [10],
            to: FilePath.join(directory, "tokenizer.json"))
        try AtomicFile.write(
            JSONWriter.bytes(configuration(tokenizer, template), indentation: 2) + [10],
            to: FilePath.join(directory, "tokenizer_config.json"))
    }

    /// What `tokenizer.json` says, without white space, and without names and merges if so asked.
    static func bytes(_ tokenizer: Tokenizer, hasLists: Bool = true) -> [UInt8] {
        JSONWriter.bytes(json(tokenizer, hasLists: hasLists))
    }

    static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(JSONObject(members.map { ($0.key, $0.value) }))
    }

    private static func json(_ tokenizer: Tokenizer, hasLists: Bool = true) -> JSONValue {
        var vocabulary = JSONObject()
        let names =
            hasLists ? (0..<tokenizer.vocabularySize).map { tokenizer.name(of: TokenID($0)) } : []
        for (id, name) in names.enumerated() where !name.isEmpty {
            vocabulary.append(name, .integer(id))
        }
        let sentencePiece = tokenizer.sentencePiece
        let merges =
            hasLists ? sentencePiece?.merges(tokenizer.tokens) ?? tokenizer.merges : []
        let stages = sentencePiece.map { self.stages($0, tokenizer.normalization) }
        return object([
            "version": .string("1.0"), "truncation": .null, "padding": .null,
            "added_tokens": .array(tokenizer.added.tokens.map(added)),
            "normalizer": stages?.normalizer ?? tokenizer.normalization?.json ?? .null,
            "pre_tokenizer": stages?.preTokenizer ?? preTokenizer(tokenizer.pattern),
            "post_processor": .null,
            "decoder": stages?.decoder ?? byteLevel(usesPattern: true),
            "model": object([
                "type": .string("BPE"), "dropout": .null,
                "unk_token": sentencePiece?.unknown.map { .string(names[Int($0)]) } ?? .null,
                "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
                "fuse_unk": .bool(sentencePiece != nil),
                "byte_fallback": .bool(sentencePiece != nil),
                "ignore_merges": .bool(tokenizer.ignoresMerges),
                "vocab": .object(vocabulary),
                "merges": .array(merges.map { pair(names[Int($0.left)], names[Int($0.right)]) }),
            ]),
        ])
    }

    private static func added(_ token: AddedTokens.Token) -> JSONValue {
        object([
            "id": .integer(Int(token.id)), "content": .string(token.content),
            "single_word": .bool(token.isSingleWord), "lstrip": .bool(token.stripsLeft),
            "rstrip": .bool(token.stripsRight), "normalized": .bool(token.isNormalized),
            "special": .bool(token.isSpecial),
        ])
    }

    /// A merge in the older form, which has no way to spell a side with a space in it.
    private static func pair(_ left: String, _ right: String) -> JSONValue {
        left.utf8.contains(32) || right.utf8.contains(32)
            ? .array([.string(left), .string(right)]) : .string("\(left) \(right)")
    }

    /// How spaces become `▁`, and are spaces again.
    private static func stages(
        _ merging: SentencePieceMerging, _ first: Normalization?
    ) -> (normalizer: JSONValue, preTokenizer: JSONValue, decoder: JSONValue) {
        let mark = Array("\u{2581}".utf8)
        var steps = first?.steps ?? []
        var scheme: String?
        switch merging.prefix {
        case .always: steps += [.prepend(mark), .replace([32], with: mark)]
        case .never: steps.append(.replace([32], with: mark))
        case .unlessThere: scheme = "always"
        case .firstUnlessThere: scheme = "first"
        }
        var decoder: [JSONValue] = [
            Normalization(steps: [.replace(mark, with: [32])]).json,
            object(["type": .string("ByteFallback")]), object(["type": .string("Fuse")]),
        ]
        if merging.addsSpace {
            decoder.append(
                object([
                    "type": .string("Strip"), "content": .string(" "), "start": .integer(1),
                    "stop": .integer(0),
                ]))
        }
        return (
            steps.isEmpty ? .null : Normalization(steps: steps).json,
            scheme.map {
                object([
                    "type": .string("Metaspace"), "replacement": .string("\u{2581}"),
                    "prepend_scheme": .string($0), "split": .bool(false),
                ])
            } ?? .null,
            object(["type": .string("Sequence"), "decoders": .array(decoder)])
        )
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
        for (key, name) in [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")]
        where tokenizer.sentencePiece != nil {
            let isThere = (0..<tokenizer.vocabularySize).contains {
                tokenizer.bytes(of: TokenID($0)).elementsEqual(name.utf8)
            }
            if isThere { members.append((key, .string(name))) }
        }
        if template == .chatML {
            members.append(("chat_template", .string(ChatTemplate.chatMLSource)))
        }
        return .object(JSONObject(members))
    }
}
