//! The inside of a file that is carried by hand: messages one after the other, each within the limits of the network.

use prost::Message;

use crate::{Invalid, MESSAGE_BYTES};

/// Adds a message with its length in front.
///
/// # Errors
/// [`Invalid`] for one that is larger than the reader would take.
pub fn put_message(to: &mut Vec<u8>, field: &'static str, message: &impl Message) -> Result<(), Invalid> {
    if message.encoded_len() > MESSAGE_BYTES {
        return Err(Invalid::new(field));
    }
    message.encode_length_delimited(to).map_err(|_| Invalid::new(field))
}

/// Takes the message that stands at the front. One at a time: what a hostile file claims to hold is bounded by what the
/// caller asks for.
///
/// # Errors
/// [`Invalid`] with the field's name when there is none, or it is larger than [`MESSAGE_BYTES`].
pub fn take_message<M: Message + Default>(from: &mut &[u8], field: &'static str) -> Result<M, Invalid> {
    let length = prost::decode_length_delimiter(*from).map_err(|_| Invalid::new(field))?;
    if length > MESSAGE_BYTES {
        return Err(Invalid::new(field));
    }
    M::decode_length_delimited(from).map_err(|_| Invalid::new(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{PushAck, Verdict};

    #[test]
    fn messages_come_back_in_their_order() {
        let mut content = Vec::new();
        for index in [1, 2] {
            put_message(&mut content, "ack", &PushAck { index, ..PushAck::default() }).unwrap();
        }
        let mut rest = content.as_slice();
        for index in [1, 2] {
            assert_eq!(take_message::<PushAck>(&mut rest, "ack").unwrap().index, index);
        }
        assert!(rest.is_empty());
        assert_eq!(take_message::<PushAck>(&mut rest, "ack"), Err(Invalid::new("ack")));
        let mut cut = &content[..content.len() - 1];
        assert!(take_message::<PushAck>(&mut cut, "ack").is_ok());
        assert!(take_message::<PushAck>(&mut cut, "ack").is_err());
    }

    #[test]
    fn none_is_larger_than_on_the_network() {
        let verdict = Verdict { detail: "x".repeat(MESSAGE_BYTES), ..Verdict::default() };
        let large = PushAck { verdicts: vec![verdict], ..PushAck::default() };
        assert!(put_message(&mut Vec::new(), "ack", &large).is_err());
        let content = large.encode_length_delimited_to_vec();
        assert!(take_message::<PushAck>(&mut content.as_slice(), "ack").is_err());
    }
}
