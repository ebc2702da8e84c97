//! The reader of certificates against bytes of all sorts.

use pki::{PeerError, leaf_serial_hex, peer};
use rustls_pki_types::CertificateDer;

use crate::federation::Federation;

/// A small generator of numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

fn read(der: &[u8]) -> Result<pki::Peer, PeerError> {
    let certs = [CertificateDer::from(der)];
    let _ = leaf_serial_hex(&certs);
    peer(&certs)
}

#[test]
fn nothing_presented_is_an_error() {
    assert_eq!(peer(&[]), Err(PeerError::NoCertificate));
    assert_eq!(leaf_serial_hex(&[]), Err(PeerError::NoCertificate));
    assert_eq!(read(&[]), Err(PeerError::Malformed));
}

#[test]
fn damaged_and_random_certificates_never_panic() {
    let good = Federation::new().street().chain()[0].to_vec();
    let mut numbers = Numbers(0x5eed);
    assert!(read(&good).is_ok());
    for length in 0..good.len() {
        assert_eq!(read(&good[..length]), Err(PeerError::Malformed));
    }
    assert_eq!(read(&[&good[..], &[0]].concat()), Err(PeerError::Malformed));
    assert_eq!(read(&vec![0x30; 1 << 20]), Err(PeerError::Malformed));
    for at in 0..good.len() {
        for value in [0, 1, 0x1f, 0x7f, 0x80, 0x82, 0xff, good[at] ^ 1, numbers.byte()] {
            let mut changed = good.clone();
            changed[at] = value;
            let _ = read(&changed);
        }
    }
    for _ in 0..20_000 {
        let mut changed = good.clone();
        for _ in 0..1 + numbers.next() % 8 {
            let at = numbers.next() as usize % changed.len();
            changed[at] = numbers.byte();
        }
        let _ = read(&changed);
    }
    for _ in 0..20_000 {
        let length = numbers.next() as usize % 200;
        let mut random: Vec<u8> = (0..length).map(|_| numbers.byte()).collect();
        if let [first, second, ..] = random.as_mut_slice() {
            (*first, *second) = (0x30, length as u8 - 2);
        }
        assert!(read(&random).is_err());
    }
}
