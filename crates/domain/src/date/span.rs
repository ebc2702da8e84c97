//! Lengths of time in words.

/// A length of time in its largest whole unit that still says something: 90 秒, 36 小时, 10 年.
pub fn span(ms: u64) -> String {
    match ms / 1_000 {
        0 => format!("{ms} 毫秒"),
        seconds @ 1..120 => format!("{seconds} 秒"),
        seconds @ 120..7_200 => format!("{} 分钟", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} 小时", seconds / 3_600),
        seconds @ 172_800..63_072_000 => format!("{} 天", seconds / 86_400),
        // 365.2425 days.
        seconds => format!("{} 年", seconds / 31_556_952),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn the_largest_unit_that_says_something() {
        for (ms, shown) in [
            (5, "5 毫秒"),
            (61_000, "61 秒"),
            (300_000, "5 分钟"),
            (10_800_000, "3 小时"),
            (345_600_000, "4 天"),
            (3_653 * 86_400_000, "10 年"),
        ] {
            assert_eq!(span(ms), shown);
        }
    }
}
