//! At which hits a breakpoint stops: `N`, `==N`, `>N`, `>=N`, `<N`, `<=N`, `%N`. A bare `N` means `==N`.

/// A hit condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HitCondition {
    /// At this hit only.
    Equal(u64),
    /// At all after it.
    More(u64),
    /// At it and all after it.
    AtLeast(u64),
    /// At all before it.
    Less(u64),
    /// At all before it and at it.
    AtMost(u64),
    /// At every so manyth.
    Multiple(u64),
}

impl HitCondition {
    /// Reads what the user wrote; if it is none, says what would be.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        type Make = fn(u64) -> HitCondition;
        const SIGNS: [(&str, Make); 7] = [
            ("==", HitCondition::Equal),
            (">=", HitCondition::AtLeast),
            ("<=", HitCondition::AtMost),
            (">", HitCondition::More),
            ("<", HitCondition::Less),
            ("%", HitCondition::Multiple),
            ("=", HitCondition::Equal),
        ];
        let sign = SIGNS.iter().find_map(|(sign, make)| Some((text.strip_prefix(sign)?, *make)));
        let (number, make) = sign.unwrap_or((text, HitCondition::Equal));
        let number = number.trim();
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        match (digits.then(|| number.parse().ok()).flatten(), make(0)) {
            (Some(0), HitCondition::Multiple(_)) => Err("the hit condition '%0' is never true".to_owned()),
            (Some(number), _) => Ok(make(number)),
            (None, _) => {
                Err(format!("the hit condition '{text}' is not one of N, ==N, >N, >=N, <N, <=N, %N with a number N"))
            }
        }
    }

    /// Whether it holds at the hit with this number, the first one being 1.
    #[inline(always)]
    pub(super) fn holds(self, hit: u64) -> bool {
        match self {
            HitCondition::Equal(number) => hit == number,
            HitCondition::More(number) => hit > number,
            HitCondition::AtLeast(number) => hit >= number,
            HitCondition::Less(number) => hit < number,
            HitCondition::AtMost(number) => hit <= number,
            HitCondition::Multiple(number) => hit.is_multiple_of(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(text: &str) -> Vec<u64> {
        let condition = HitCondition::parse(text).unwrap();
        (1..=7).filter(|hit| condition.holds(*hit)).collect()
    }

    #[test]
    fn each_sign_picks_its_hits() {
        for (text, expected) in [
            ("3", &[3][..]),
            ("== 3", &[3]),
            ("=3", &[3]),
            (">5", &[6, 7]),
            (" >= 5 ", &[5, 6, 7]),
            ("<3", &[1, 2]),
            ("<= 3", &[1, 2, 3]),
            ("% 3", &[3, 6]),
            ("0", &[]),
        ] {
            assert_eq!(hits(text), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_in_words() {
        for text in ["", "x", "3.5", "-1", "> x", "%", "%0", "3 times", "99999999999999999999"] {
            assert!(HitCondition::parse(text).unwrap_err().contains("hit condition"), "{text}");
        }
    }
}
