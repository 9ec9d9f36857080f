/// What a person at the prompt, or a pipe, has given.
package enum LineEvent: Sendable, Equatable {
    /// A message; from a terminal it may have several lines.
    case line(String)
    /// The input is over: Ctrl-D at an empty prompt, or the end of the pipe.
    case end
    /// Ctrl-C or a signal, which `Interrupts.signal` names; what was typed is dropped.
    case interrupted
}

/// What may stand in place of the word before the cursor: words that begin with it.
///
/// `cursor` counts characters of `text`. A word ends at white space. A candidate that is the only
/// one is followed by a space, unless it ends with "/".
package typealias Completions = (_ text: String, _ cursor: Int) -> [String]
