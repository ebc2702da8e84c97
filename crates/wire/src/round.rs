//! The words of a round in one call, in which nothing is told that the call itself tells: the certificate says which base
//! calls, the call which session it is, and most positions are of the timeline that was told before.

use crate::convert::Invalid;
use crate::sync::{Hello, Position, PullBatch, PushAck, PushBatch, RoundDown, RoundUp, Welcome};
use crate::sync::{round_down, round_up};

/// A position without its timeline, if that is the one told before.
fn short(position: Option<Position>, told: u64) -> Option<Position> {
    position.map(|p| Position { timeline: if p.timeline == told { 0 } else { p.timeline }, ..p })
}

/// The position that was made short.
fn whole(position: Option<Position>, told: u64) -> Option<Position> {
    position.map(|p| Position { timeline: if p.timeline == 0 { told } else { p.timeline }, ..p })
}

fn timeline(position: Option<Position>) -> u64 {
    position.unwrap_or_default().timeline
}

impl RoundUp {
    /// The child's first word.
    pub fn hello(hello: Hello) -> RoundUp {
        let ack = short(hello.ack, timeline(hello.cursor));
        RoundUp { what: Some(round_up::What::Hello(Hello { base: Vec::new(), ack, ..hello })) }
    }

    /// One of its later words.
    pub fn batch(batch: PushBatch) -> RoundUp {
        let cursor = short(batch.cursor, batch.parent_timeline);
        let batch = PushBatch { session: 0, parent_timeline: 0, cursor, ..batch };
        RoundUp { what: Some(round_up::What::Batch(batch)) }
    }

    /// The first word of the child `base`.
    ///
    /// # Errors
    /// [`Invalid`] if it is another one.
    pub fn into_hello(self, base: &[u8]) -> Result<Hello, Invalid> {
        match self.what {
            Some(round_up::What::Hello(hello)) => {
                let ack = whole(hello.ack, timeline(hello.cursor));
                Ok(Hello { base: base.to_vec(), ack, ..hello })
            }
            Some(round_up::What::Batch(_)) | None => Err(Invalid::new("round.hello")),
        }
    }

    /// A later word, in the session that was opened with `welcome`.
    ///
    /// # Errors
    /// [`Invalid`] if it is another one.
    pub fn into_batch(self, session: u64, parent_timeline: u64) -> Result<PushBatch, Invalid> {
        match self.what {
            Some(round_up::What::Batch(batch)) => {
                let cursor = whole(batch.cursor, parent_timeline);
                Ok(PushBatch { session, parent_timeline, cursor, ..batch })
            }
            Some(round_up::What::Hello(_)) | None => Err(Invalid::new("round.batch")),
        }
    }
}

impl RoundDown {
    /// The parent's first word.
    pub fn welcome(welcome: Welcome) -> RoundDown {
        RoundDown { what: Some(round_down::What::Welcome(welcome)) }
    }

    /// One of its later words.
    pub fn ack(ack: PushAck, timeline: u64) -> RoundDown {
        let below =
            |below: PullBatch| PullBatch { session: 0, position: short(below.position, timeline), ..below };
        let position = short(ack.position, timeline);
        let ack = PushAck { session: 0, position, below: ack.below.map(below), ..ack };
        RoundDown { what: Some(round_down::What::Ack(ack)) }
    }

    /// The first word.
    ///
    /// # Errors
    /// [`Invalid`] if it is another one.
    pub fn into_welcome(self) -> Result<Welcome, Invalid> {
        match self.what {
            Some(round_down::What::Welcome(welcome)) => Ok(welcome),
            Some(round_down::What::Ack(_)) | None => Err(Invalid::new("round.welcome")),
        }
    }

    /// A later word, in a session with a parent whose timeline is `timeline`.
    ///
    /// # Errors
    /// [`Invalid`] if it is another one.
    pub fn into_ack(self, session: u64, timeline: u64) -> Result<PushAck, Invalid> {
        match self.what {
            Some(round_down::What::Ack(ack)) => {
                let below = |below: PullBatch| PullBatch {
                    session,
                    position: whole(below.position, timeline),
                    ..below
                };
                let position = whole(ack.position, timeline);
                Ok(PushAck { session, position, below: ack.below.map(below), ..ack })
            }
            Some(round_down::What::Welcome(_)) | None => Err(Invalid::new("round.ack")),
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn at(timeline: u64, seq: u64) -> Option<Position> {
        Some(Position { timeline, seq })
    }

    // Wrong: a position that arrives with another timeline than it was sent with: RESYNC, or an acknowledgement that is
    // believed although the parent was restored meanwhile.
    #[test]
    fn what_is_left_out_is_what_the_other_side_puts_in_again() {
        let base = vec![5; 16];
        for (cursor, ack) in [(at(7, 3), at(7, 9)), (at(7, 3), at(8, 9)), (None, at(8, 9)), (at(7, 3), None)]
        {
            let hello = Hello { base: base.clone(), cursor, ack, unsent: 4, ..Hello::default() };
            assert_eq!(RoundUp::hello(hello.clone()).into_hello(&base), Ok(hello));
        }
        for timeline in [7, 8] {
            let batch = PushBatch {
                session: 6,
                parent_timeline: 7,
                cursor: at(timeline, 2),
                index: 3,
                ..PushBatch::default()
            };
            assert_eq!(RoundUp::batch(batch.clone()).into_batch(6, 7), Ok(batch));
            let below =
                PullBatch { session: 6, position: at(timeline, 5), end: true, ..PullBatch::default() };
            let ack = PushAck {
                session: 6,
                index: 3,
                position: at(timeline, 4),
                below: Some(below),
                ..PushAck::default()
            };
            let word = RoundDown::ack(ack.clone(), 7);
            assert_eq!(word.encoded_len() < 20, timeline == 7, "{word:?}");
            assert_eq!(word.into_ack(6, 7), Ok(ack));
        }
    }

    // Wrong: a batch that comes for a greeting, or an answer that is none.
    #[test]
    fn each_word_has_its_place() {
        let (hello, batch) = (RoundUp::hello(Hello::default()), RoundUp::batch(PushBatch::default()));
        let (welcome, ack) = (RoundDown::welcome(Welcome::default()), RoundDown::ack(PushAck::default(), 1));
        assert!(batch.into_hello(&[]).is_err() && RoundUp { what: None }.into_hello(&[]).is_err());
        assert!(hello.into_batch(1, 1).is_err() && RoundUp { what: None }.into_batch(1, 1).is_err());
        assert!(ack.into_welcome().is_err() && RoundDown { what: None }.into_welcome().is_err());
        assert!(welcome.into_ack(1, 1).is_err() && RoundDown { what: None }.into_ack(1, 1).is_err());
    }
}
