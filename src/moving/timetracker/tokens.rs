//! Which words does a dump of MySQL's or MariaDB's consist of? Read one after the other; what nobody wants is passed over unkept.

use std::io::BufRead;

use super::super::Error;
use super::super::error::Place;
use super::bytes::Bytes;

/// The longest value that is kept, in bytes. Nothing about a person is as long.
const LONGEST: usize = 1024 * 1024;

/// One word of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word, a number among them, as it is written.
    Word(Vec<u8>),
    /// A name in backticks.
    Name(Vec<u8>),
    /// A text in quotes, or the bytes of a number in hexadecimal.
    Text(Vec<u8>),
    /// Any other sign.
    Sign(u8),
}

/// Reads a dump word by word.
#[derive(Debug)]
pub(super) struct Tokens<R> {
    bytes: Bytes<R>,
    /// How deep we are inside of comments that are meant for some servers, whose inside counts.
    conditional: u32,
    /// What the dump says of itself in a comment, where it is one that is known.
    pub(super) said: Said,
}

/// What comments say.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The dump is whole.
    pub(super) complete: bool,
    /// A dump has begun whose program says at its end that it is whole, and has not done so yet.
    pub(super) begun: bool,
    /// The program is Adminer, which ends a dump with the time.
    adminer: bool,
}

impl Said {
    fn hear(&mut self, comment: &str) {
        let comment = comment.trim_start_matches('-').trim();
        let begins = |words: &[&str]| words.iter().any(|word| comment.starts_with(word));
        if begins(&["MySQL dump ", "MariaDB dump ", "Dump created by MySQL pump"]) {
            self.begun = true;
        } else if begins(&["Dump completed", "Dump end time"]) {
            (self.begun, self.complete) = (false, true);
        } else if begins(&["Adminer "]) {
            self.adminer = true;
        } else if self.adminer && comment.len() >= 19 && comment.starts_with("20") {
            self.complete = true;
        }
    }
}

impl<R: BufRead> Tokens<R> {
    pub(super) fn new(bytes: R) -> Self {
        Self { bytes: Bytes::new(bytes), conditional: 0, said: Said::default() }
    }

    pub(super) const fn place(&self) -> Place {
        self.bytes.place()
    }

    pub(super) fn wrong(&self, what: impl Into<String>) -> Error {
        self.place().wrong(what)
    }

    /// The next byte, where the file may not end.
    fn must(&mut self) -> Result<u8, Error> {
        match self.bytes.take()? {
            Some(byte) => Ok(byte),
            None => Err(self.wrong("the file ends in the middle: make the dump anew")),
        }
    }

    /// The next word; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Token>, Error> {
        loop {
            let Some(byte) = self.bytes.take()? else { return Ok(None) };
            return Ok(Some(match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0 => continue,
                b'#' => {
                    self.rest_of_line()?;
                    continue;
                }
                b'-' if self.bytes.peek()? == Some(b'-') => {
                    self.comment_line()?;
                    continue;
                }
                b'/' if self.bytes.peek()? == Some(b'*') => {
                    self.comment()?;
                    continue;
                }
                b'*' if self.conditional > 0 && self.bytes.peek()? == Some(b'/') => {
                    self.bytes.take()?;
                    self.conditional -= 1;
                    continue;
                }
                b'\'' | b'"' => Token::Text(self.quoted(byte, true)?),
                b'`' => Token::Name(self.quoted(byte, true)?),
                _ if is_of_word(byte) || byte == b'-' || byte == b'+' => return self.word(byte).map(Some),
                sign => Token::Sign(sign),
            }));
        }
    }

    /// A bare word; one before a text says what that is made of.
    fn word(&mut self, first: u8) -> Result<Token, Error> {
        let mut word = vec![first];
        while let Some(byte) = self.bytes.peek()?.filter(|byte| is_of_word(*byte)) {
            self.bytes.take()?;
            if word.len() == LONGEST {
                return Err(self.wrong("a word that is longer than anything about people"));
            }
            word.push(byte);
        }
        if self.bytes.peek()? == Some(b'\'') && word.starts_with(b"_") {
            self.bytes.take()?;
            return Ok(Token::Text(self.quoted(b'\'', true)?));
        }
        if self.bytes.peek()? == Some(b'\'') && word.eq_ignore_ascii_case(b"x") {
            self.bytes.take()?;
            let digits = self.quoted(b'\'', true)?;
            return Ok(Token::Text(
                unhex(&digits).ok_or_else(|| self.wrong("this is no hexadecimal number"))?,
            ));
        }
        if let Some(digits) = word.strip_prefix(b"0x") {
            return Ok(Token::Text(
                unhex(digits).ok_or_else(|| self.wrong("this is no hexadecimal number"))?,
            ));
        }
        Ok(Token::Word(word))
    }

    /// What is in quotes, whose first one is read.
    fn quoted(&mut self, quote: u8, kept: bool) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        loop {
            let mut byte = self.must()?;
            if byte == quote {
                if self.bytes.peek()? != Some(quote) {
                    return Ok(text);
                }
                self.bytes.take()?;
            } else if byte == b'\\' && quote != b'`' {
                byte = match self.must()? {
                    b'0' => 0,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'Z' => 26,
                    other => other,
                };
            }
            if kept {
                if text.len() == LONGEST {
                    return Err(self.wrong("a value that is longer than anything about people"));
                }
                text.push(byte);
            }
        }
    }

    fn rest_of_line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        while let Some(byte) = self.bytes.take()?.filter(|byte| *byte != b'\n') {
            if line.len() < 200 {
                line.push(byte);
            }
        }
        Ok(line)
    }

    fn comment_line(&mut self) -> Result<(), Error> {
        let line = self.rest_of_line()?;
        self.said.hear(&String::from_utf8_lossy(&line));
        Ok(())
    }

    /// A comment, whose first sign is read. What is for servers of some versions counts, as every server in question is one.
    fn comment(&mut self) -> Result<(), Error> {
        self.bytes.take()?;
        let mut meant = false;
        if self.bytes.peek()? == Some(b'M') {
            self.bytes.take()?;
        }
        if self.bytes.peek()? == Some(b'!') {
            self.bytes.take()?;
            let mut version = Vec::new();
            while let Some(byte) = self.bytes.peek()?.filter(u8::is_ascii_digit) {
                self.bytes.take()?;
                version.push(byte);
            }
            // MariaDB's `/*!999999\- enable the sandbox mode */` is for its own client.
            meant = self.bytes.peek()? != Some(b'\\') && !version.starts_with(b"999999");
        }
        if meant {
            self.conditional += 1;
            return Ok(());
        }
        let mut last = 0;
        loop {
            let byte = self.must()?;
            if last == b'*' && byte == b'/' {
                return Ok(());
            }
            last = byte;
        }
    }

    /// Passes over the rest of a statement, to its semicolon.
    pub(super) fn skip_statement(&mut self) -> Result<(), Error> {
        loop {
            // Most of a dump passes here: no word is made of it.
            let ends = |byte| matches!(byte, b'\'' | b'"' | b'`' | b';' | b'/' | b'*' | b'-' | b'#');
            if self.bytes.pass_up_to(ends)? {
                continue;
            }
            match self.bytes.take()? {
                None | Some(b';') => return Ok(()),
                Some(quote @ (b'\'' | b'"' | b'`')) => drop(self.quoted(quote, false)?),
                Some(b'#') => drop(self.rest_of_line()?),
                Some(b'-') if self.bytes.peek()? == Some(b'-') => self.comment_line()?,
                Some(b'/') if self.bytes.peek()? == Some(b'*') => self.comment()?,
                Some(b'*') if self.conditional > 0 && self.bytes.peek()? == Some(b'/') => {
                    self.bytes.take()?;
                    self.conditional -= 1;
                }
                Some(_) => {}
            }
        }
    }

    /// Passes over what has another delimiter: triggers and procedures, from `DELIMITER ;;` to `DELIMITER ;`.
    pub(super) fn skip_delimited(&mut self) -> Result<(), Error> {
        let mut line = self.rest_of_line()?;
        loop {
            let text = String::from_utf8_lossy(&line).trim().to_ascii_uppercase();
            if text == ";" || text.strip_prefix("DELIMITER").is_some_and(|rest| rest.trim() == ";") {
                return Ok(());
            }
            if self.bytes.peek()?.is_none() {
                return Err(self.wrong("the file ends in the middle: make the dump anew"));
            }
            line = self.rest_of_line()?;
        }
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.' | b'@') || byte >= 0x80
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
