//! What is shown of personal data to those who need not see all of it.

use super::normalise;

/// Digits at the end of a phone number that stay visible, so that its owner knows it again.
const PHONE_TAIL: usize = 4;

/// Shows a person's name as its first character and one star, whatever its length: 李*.
pub fn mask_name(name: &str) -> String {
    normalise(name).chars().next().map(|first| format!("{first}*")).unwrap_or_default()
}

/// Hides the middle of a phone number: 138****8000, 0755-****5678; of a number too short to hide anything, all.
pub fn mask_phone(phone: &str) -> String {
    let phone = normalise(phone).replace(' ', "");
    let (area, number) = match phone.rsplit_once('-') {
        Some((area, number)) => (format!("{area}-"), number),
        None => (String::new(), phone.as_str()),
    };
    let chars: Vec<char> = number.chars().collect();
    let head = if chars.len() > 2 * PHONE_TAIL { chars.len() - 2 * PHONE_TAIL } else { 0 };
    let tail = if chars.len() > PHONE_TAIL { PHONE_TAIL } else { 0 };
    let shown = |part: &[char]| part.iter().collect::<String>();
    match chars.len() {
        0 => area,
        len => format!("{area}{}****{}", shown(&chars[..head]), shown(&chars[len - tail..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, shown) in [("李小明", "李*"), ("李", "李*"), (" 欧阳", "欧*"), ("John", "J*"), ("", "")]
        {
            assert_eq!(mask_name(name), shown);
        }
    }

    #[test]
    fn phones() {
        let cases = [
            ("13800008000", "138****8000"),
            ("１３８ ００００ ８０００", "138****8000"),
            ("0755-12345678", "0755-****5678"),
            ("+86-13800008000", "+86-138****8000"),
            ("2345678", "****5678"),
            ("110", "****"),
            ("", ""),
        ];
        for (phone, shown) in cases {
            assert_eq!(mask_phone(phone), shown, "{phone}");
        }
    }
}
