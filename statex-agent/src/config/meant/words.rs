//! Types whose values are words.

/// A type with a fixed set of values, each with the word that the configuration has for it.
pub trait Words: Copy + PartialEq + 'static {
    /// What such a word is called in messages.
    const KIND: &'static str;
    /// Every value with its word.
    const WORDS: &'static [(&'static str, Self)];

    /// The word of this value.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }
}
