//! What an attempt comes to.

use std::time::Duration;

use custos_fetch::{FetchError, Receipt};

use crate::retries::retry_after;

/// What an answer means for the delivery.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The receiver has it.
    Taken,
    /// The receiver wants no more of it.
    Refused(String),
    /// It can be tried again, not before that time.
    Failed(String, Option<Duration>),
}

impl Attempt {
    pub(crate) fn of(answer: &Result<Receipt, FetchError>, now_utc_ns: u64) -> Self {
        let receipt = match answer {
            Ok(receipt) => receipt,
            Err(error) => return Self::Failed(error.code().to_owned(), None),
        };
        let reason = format!("status_{}", receipt.status);
        match receipt.status {
            200..=299 => Self::Taken,
            410 => Self::Refused(reason),
            429 | 503 => {
                let asked = receipt.retry_after.as_deref();
                Self::Failed(reason, asked.and_then(|text| retry_after(text, now_utc_ns)))
            }
            _ => Self::Failed(reason, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use custos_fetch::{FetchError, Receipt};

    use super::Attempt;

    #[test]
    fn only_some_statuses_may_name_a_time() {
        let of = |status| {
            let retry_after = Some("60".to_owned());
            Attempt::of(
                &Ok(Receipt {
                    status,
                    retry_after,
                }),
                0,
            )
        };
        let minute = Some(Duration::from_mins(1));
        assert_eq!(of(200), Attempt::Taken);
        assert_eq!(of(299), Attempt::Taken);
        assert_eq!(of(410), Attempt::Refused("status_410".to_owned()));
        assert_eq!(of(429), Attempt::Failed("status_429".to_owned(), minute));
        assert_eq!(of(503), Attempt::Failed("status_503".to_owned(), minute));
        assert_eq!(of(500), Attempt::Failed("status_500".to_owned(), None));
        assert_eq!(of(400), Attempt::Failed("status_400".to_owned(), None));
        let redirect = Attempt::of(&Err(FetchError::Redirect { status: 302 }), 0);
        assert_eq!(redirect, Attempt::Failed("redirect".to_owned(), None));
    }
}
