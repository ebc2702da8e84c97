//! Conditions as people write them: `状态=正常`, `成立登记日期>=2020-01-01`, `名称~协会`, `住所=`.

use wire::record::Comparison;

/// One condition of `--where`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field as it was written: a name or a label.
    pub field: String,
    pub comparison: Comparison,
    pub value: String,
}

/// The signs; a longer one stands before the shorter that it begins with. Full-width forms are what a Chinese
/// input method types.
const SIGNS: [(&str, Comparison); 16] = [
    ("!=", Comparison::Differs),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("！=", Comparison::Differs),
    ("！＝", Comparison::Differs),
    ("≠", Comparison::Differs),
    ("≥", Comparison::AtLeast),
    ("≤", Comparison::AtMost),
    ("=", Comparison::Equals),
    ("＝", Comparison::Equals),
    (">", Comparison::Greater),
    ("＞", Comparison::Greater),
    ("<", Comparison::Less),
    ("＜", Comparison::Less),
    ("~", Comparison::Contains),
    ("～", Comparison::Contains),
];

/// Reads one condition.
///
/// # Errors
/// A sentence in both languages about what is missing.
pub fn parse(text: &str) -> Result<Condition, String> {
    let (at, sign, comparison) = first_sign(text)
        .ok_or("条件要写成“字段=值”，比较符可用 = != >= <= > < ~ / a condition is FIELD=VALUE")?;
    let (field, value) = (text[..at].trim(), text[at + sign.len()..].trim());
    if field.is_empty() {
        return Err("条件里没有写字段 / the condition names no field".into());
    }
    let comparison = match (comparison, value) {
        (Comparison::Equals, "") => Comparison::IsEmpty,
        (Comparison::Equals | Comparison::Differs, _) => comparison,
        (_, "") => return Err(format!("“{sign}”后面没有写值 / no value after {sign}")),
        _ => comparison,
    };
    Ok(Condition { field: field.to_owned(), comparison, value: value.to_owned() })
}

fn first_sign(text: &str) -> Option<(usize, &'static str, Comparison)> {
    let found = SIGNS.iter().filter_map(|(sign, comparison)| Some((text.find(sign)?, *sign, *comparison)));
    found.min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, field: &str, comparison: Comparison, value: &str) {
        let expected = Condition { field: field.into(), comparison, value: value.into() };
        assert_eq!(parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn conditions() {
        check("status=正常", "status", Comparison::Equals, "正常");
        check("状态 = 正常 ", "状态", Comparison::Equals, "正常");
        check("状态!=注销", "状态", Comparison::Differs, "注销");
        check("capital_fen>=100000", "capital_fen", Comparison::AtLeast, "100000");
        check("注册资金(元)<=5", "注册资金(元)", Comparison::AtMost, "5");
        check("a>1", "a", Comparison::Greater, "1");
        check("a<1", "a", Comparison::Less, "1");
        check("名称~协会", "名称", Comparison::Contains, "协会");
        check("住所=", "住所", Comparison::IsEmpty, "");
        check("住所!=", "住所", Comparison::Differs, "");
    }

    #[test]
    fn the_first_sign_counts() {
        check("名称~a=b", "名称", Comparison::Contains, "a=b");
        check("名称=a>=b", "名称", Comparison::Equals, "a>=b");
        check("名称=!=x", "名称", Comparison::Equals, "!=x");
        check("名称=~", "名称", Comparison::Equals, "~");
    }

    #[test]
    fn full_width_signs() {
        check("状态＝正常", "状态", Comparison::Equals, "正常");
        check("日期≥2020-01-01", "日期", Comparison::AtLeast, "2020-01-01");
        check("状态！＝正常", "状态", Comparison::Differs, "正常");
        check("名称～协会", "名称", Comparison::Contains, "协会");
        check("状态≠正常", "状态", Comparison::Differs, "正常");
    }

    #[test]
    fn what_is_no_condition() {
        for text in ["", "状态", "=正常", " >3", "a>", "名称~ ", "a>="] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
