//! Lower-case hexadecimal.

/// Writes bytes.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads bytes; capitals are welcome.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|letter| letter.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(encode(&[0, 0xab, 0x0f]), "00ab0f");
        assert_eq!(decode("00AB0f"), Some(vec![0, 0xab, 0x0f]));
        assert_eq!(decode(""), Some(vec![]));
        for wrong in ["0", "0g", "汉"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
