import ArgumentParser
import ChoroySystem

/// `--adapter`, for every command that computes with a model.
struct AdapterOptions: ParsableArguments {
    @Option(
        name: .customLong("adapter"), parsing: .singleValue,
        help: ArgumentHelp(
            "A LoRA adapter directory, as finetune or PEFT wrote it.",
            discussion: "May be given again with chat; NAME=DIR gives it a name.",
            valueName: "dir"))
    var adapters: [String] = []

    /// An adapter as it was asked for.
    struct Place {
        let name: String
        let directory: String
    }

    var places: [Place] {
        adapters.map { text in
            if FilePath.kind(of: text) == .missing, let equals = text.firstIndex(of: "="),
                equals != text.startIndex, !text[..<equals].contains("/")
            {
                return Place(
                    name: String(text[..<equals]),
                    directory: String(text[text.index(after: equals)...]))
            }
            return Place(name: FilePath.name(of: text), directory: text)
        }
    }

    func validate() throws {
        var names: Set<String> = []
        for place in places {
            guard !place.directory.isEmpty else {
                throw ValidationError("--adapter: expected a directory, found nothing")
            }
            guard !place.name.isEmpty, place.name != "off", names.insert(place.name).inserted
            else {
                throw ValidationError(
                    "--adapter: \"\(place.name)\" cannot name an adapter, or names two; give "
                        + "NAME=DIR")
            }
        }
    }

    /// For commands that use one model from start to end.
    func checkSingle() throws {
        if adapters.count > 1 {
            throw ValidationError("--adapter: expected one, found \(adapters.count)")
        }
    }
}
