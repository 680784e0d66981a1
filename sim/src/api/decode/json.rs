//! JSON in, with the error texts of Go's encoding/json.

use super::DecodeError;
use crate::value::{Map, Text, Value};

/// The depth at which to give up; Go's decoder goes to 10,000, but what nests deeper than this is no Kubernetes object.
const MAX_DEPTH: usize = 500;

/// Reads one JSON text that must end after its value.
pub fn parse_json(text: &str) -> Result<Value, DecodeError> {
    let mut decoder = Decoder::new(text);
    let value = decoder.next_value()?.ok_or_else(|| decoder.end_of_input())?;
    decoder.skip_space();
    if decoder.at < decoder.bytes.len() { Err(decoder.unexpected("after top-level value")) } else { Ok(value) }
}

/// Reads the values of a stream one after the other (json.Decoder).
pub struct Decoder<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder at the beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, depth: 0 }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next value; `None` at the end of the text.
    pub fn next_value(&mut self) -> Result<Option<Value>, DecodeError> {
        self.skip_space();
        if self.at == self.bytes.len() { Ok(None) } else { self.value().map(Some) }
    }

    fn error(&self, message: impl Into<String>) -> DecodeError {
        DecodeError::Json { message: message.into(), offset: self.at }
    }

    fn end_of_input(&self) -> DecodeError {
        self.error("unexpected end of JSON input")
    }

    /// The complaint about the character at hand, or about the end of the text.
    fn unexpected(&self, context: &str) -> DecodeError {
        let Some(char) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else { return self.end_of_input() };
        let quoted = match char {
            '\'' => r"'\''".to_string(),
            '"' => "'\"'".to_string(),
            '\n' => r"'\n'".to_string(),
            '\r' => r"'\r'".to_string(),
            '\t' => r"'\t'".to_string(),
            // Go looks at bytes: a character beyond ASCII shows as its first byte.
            char if char.is_control() || !char.is_ascii() => format!("'\\u{:04x}'", self.bytes[self.at]),
            char => format!("'{char}'"),
        };
        self.error(format!("invalid character {quoted} {context}"))
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn value(&mut self) -> Result<Value, DecodeError> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Value::Str(Text::new(&self.string()?))),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, DecodeError>) -> Result<Value, DecodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("exceeded max depth"));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value, DecodeError> {
        self.at += 1;
        let mut map = Map::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(map.into());
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            let value = self.value()?;
            map.insert(key, value);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(map.into());
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Result<Value, DecodeError> {
        self.at += 1;
        let mut list: Vec<Value> = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(list.into());
        }
        loop {
            list.push(self.value()?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(list.into());
                }
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, DecodeError> {
        for want in word.chars() {
            if self.peek() != Some(want as u8) {
                return Err(self.unexpected(&format!("in literal {word} (expecting '{want}')")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, context: &str) -> Result<(), DecodeError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected(context));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, DecodeError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = &self.text[start..self.at];
        if let Ok(number) = text.parse::<i64>() {
            return Ok(Value::Int(number));
        }
        let number: f64 = text.parse().map_err(|_| self.error(format!("invalid number {text}")))?;
        if number.is_finite() { Ok(Value::Float(number)) } else { Err(self.error(format!("number {text} is out of range"))) }
    }

    fn string(&mut self) -> Result<String, DecodeError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= 0x20) {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, DecodeError> {
        let char = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        Ok(char)
    }

    /// Four hexadecimal digits, and the second half of a surrogate pair; half a pair becomes U+FFFD as in Go.
    fn unicode(&mut self) -> Result<char, DecodeError> {
        let high = self.hex4()?;
        if (0xd800..0xdc00).contains(&high) && self.bytes[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                return Ok(char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)).unwrap_or('\u{fffd}'));
            }
            self.at = back;
        }
        Ok(char::from_u32(high).unwrap_or('\u{fffd}'))
    }

    fn hex4(&mut self) -> Result<u32, DecodeError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| (byte as char).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected("in \\u hexadecimal character escape"))?;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse_json(text).unwrap_err().to_string()
    }

    #[test]
    fn values() {
        let text = r#"{"a":[1,-2.5,true,null,"x\n\u00e4\ud83d\ude00"],"b":{}}"#;
        assert_eq!(parse_json(text).unwrap().to_json(), "{\"a\":[1,-2.5,true,null,\"x\\nä😀\"],\"b\":{}}");
        assert_eq!(parse_json("1e3").unwrap(), Value::Float(1000.0));
    }

    #[test]
    fn errors_are_gos() {
        assert_eq!(error("{bad"), "invalid character 'b' looking for beginning of object key string");
        assert_eq!(error(""), "unexpected end of JSON input");
        assert_eq!(error("{\"a\":1"), "unexpected end of JSON input");
        assert_eq!(error("{\"a\" 1}"), "invalid character '1' after object key");
        assert_eq!(error("{\"a\":1 \"b\"}"), "invalid character '\"' after object key:value pair");
        assert_eq!(error("[1 2]"), "invalid character '2' after array element");
        assert_eq!(error("{} x"), "invalid character 'x' after top-level value");
        assert_eq!(error("trux"), "invalid character 'x' in literal true (expecting 'e')");
        assert_eq!(error("\"\\x\""), "invalid character 'x' in string escape code");
        assert_eq!(error("\"a\nb\""), "invalid character '\\n' in string literal");
        assert_eq!(error("-x"), "invalid character 'x' in numeric literal");
        assert_eq!(error("ä"), "invalid character '\\u00c3' looking for beginning of value");
        assert_eq!(error(&"[".repeat(20_000)), "exceeded max depth");
    }
}
