import ArgumentParser

@main
struct Choroy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "choroy",
        abstract: "From a text file to a chatbot, on an ordinary CPU, in one program.",
        version: "0.1.0",
        subcommands: [
            Demo.self, TokenizerCommand.self, NGram.self, IndexCommand.self, Trace.self,
            Shannon.self, LadderCommand.self, Train.self, Report.self,
            Finetune.self, Merge.self,
            Quantize.self, Convert.self, Inspect.self, Evaluate.self, Generate.self, Chat.self,
            Bench.self,
        ])
}
