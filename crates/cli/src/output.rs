//! The only place that writes to the terminal: words for people, or one JSON value for programs.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde_json::{Value, json};

use crate::clean::{clean_lines, is_harmful};
use crate::exit::Exit;
use crate::failure;

/// Widest cell of a table on a terminal: a name of twenty characters fits, a long text does not push others out.
const CELL_WIDTH_MAX: usize = 40;

/// The answer could not be written.
#[derive(Debug, thiserror::Error)]
#[error("结果写不出来 / the answer cannot be written")]
pub struct NotWritten(#[source] io::Error);

impl NotWritten {
    /// Whether who read the answer has gone, as `head` does: that is no failure.
    pub fn reader_has_gone(&self) -> bool {
        self.0.kind() == ErrorKind::BrokenPipe
    }
}

/// How this run answers.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Words, or with `json` JSON.
    pub fn new(json: bool) -> Output {
        Output { json }
    }

    /// Whether programs read the answer.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Answers in the form that was asked for; text from records is made harmless either way.
    pub fn answer(
        self,
        json: impl FnOnce() -> Value,
        words: impl FnOnce() -> String,
    ) -> Result<(), NotWritten> {
        if self.json { self.value(&json()) } else { self.document(&words()) }
    }

    /// Answers in words, whatever form was asked for: help, a table in Markdown.
    pub fn document(self, text: &str) -> Result<(), NotWritten> {
        write(io::stdout(), &clean_lines(text)).map_err(NotWritten)
    }

    /// Writes a remark for the person, never part of the answer.
    pub fn note(self, text: &str) {
        // A remark that nobody can read stops nothing; the answer itself tells when it cannot be written.
        let _ = write(io::stderr(), &clean_lines(text));
    }

    /// The limit for cells of tables: none when the output goes to a file or another program.
    pub fn cell_width_max(self) -> Option<usize> {
        io::stdout().is_terminal().then_some(CELL_WIDTH_MAX)
    }

    /// Whether a person watches and a moving bar makes sense.
    pub fn shows_progress(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Tells a failure and returns how to end.
    pub fn failed(self, error: &anyhow::Error) -> Exit {
        if failure::reader_has_gone(error) {
            return Exit::Done;
        }
        self.report(&failure::code(error), &failure::message(error))
    }

    /// Tells a failure: words on standard error and, when asked for, JSON on standard output.
    pub fn report(self, code: &str, message: &str) -> Exit {
        let exit = Exit::of(code);
        let meaning = exit.meaning();
        // What a library says is in English: the reader learns first what it means.
        let foreign = message.starts_with(|first: char| first.is_ascii());
        let lead = if foreign { format!("{}：", meaning.zh) } else { String::new() };
        let words = format!(
            "{lead}{message}\n{}\n{} / {} ({code}, exit code {})",
            meaning.advice,
            meaning.zh,
            meaning.en,
            exit.number()
        );
        self.note(&words);
        if self.json {
            // Where even this cannot be written, the exit code is all that is left to say.
            let _ = self.value(&json!({ "error": { "code": code, "message": message } }));
        }
        exit
    }

    fn value(self, value: &Value) -> Result<(), NotWritten> {
        write(io::stdout(), &escaped(&value.to_string())).map_err(NotWritten)
    }
}

fn write(mut to: impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        to.write_all(b"\n")?;
    }
    to.flush()
}

/// The same JSON with the characters that a terminal obeys written as `\u` escapes.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_harmful(letter) {
            let units = &mut [0; 2];
            letter.encode_utf16(units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_the_same_and_harms_nothing() {
        let value = json!({ "名称": "a\u{9b}2J\u{202e}b\u{7f}\u{1b}[1m\n\u{e0041}" });
        let text = escaped(&value.to_string());
        assert!(!text.contains(is_harmful), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
