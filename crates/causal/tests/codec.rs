//! The canonical bytes: their exact form, what is refused, and how large they get.

mod common;

use causal::{
    BaseId, Context, Corrupt, Entry, Group, MAX_STATE_BYTES, Register, ReplicaId, Stamp, State, merge, write,
};
use common::{dot, number_field, stamp, text_field};
use proptest::prelude::*;
use proptest::sample::Index;

/// Two edits of which something stands, byte by byte. If this changes, so must the version byte.
#[rustfmt::skip]
const GOLDEN: &[u8] = &[
    1,                                                          // version
    2,                                                          // context: two replicas
      0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 3,        //   the first has made 3 edits
      0xF0, 0, 0, 0, 0, 0, 0, 0x0F, 0xAC, 0x02,                 //   the second 300
    2,                                                          // two groups
      0,                                                        //   flags
      0, 2,                                                     //   by the first replica, its 2nd edit
      0x80, 0xD8, 0xC1, 0xA2, 0x8C, 0x34,                       //   saved at 1 790 000 000 000 ms
      7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,           //   base
      3, 0xE7, 0x8E, 0x8B,                                      //   user 王
      1, 2, 3, 4, 5, 6, 7, 8,                                   //   tag
      9,                                                        //   whole fields: 9 bytes
        0x08, 0x05,                                             //     field 1 = 5
        0x12, 2, b'a', b'b', 0x12, 1, b'c',                     //     field 2 = ["ab", "c"]
      3, 0x4A, 1, b'x',                                         //   added to the set 9: "x"
      3, 0x03, 0xC8, 0x01,                                      //   cleared: fields 3 and 200
      3, 0x4A, 1, b'y',                                         //   removed from the set 9: "y"
      0,                                                        //   flags
      1, 0xAC, 0x02,                                            //   by the second replica, its 300th edit
      0,                                                        //   saved at 0 ms
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,           //   base
      0,                                                        //   user: none
      0, 0, 0, 0, 0, 0, 0, 0,                                   //   tag
      5, 0x25, 1, 0, 0, 0,                                      //   whole fields: 4 = fixed32 1
      0, 0, 0,                                                  //   nothing added, cleared, removed
];

#[test]
fn golden_bytes() {
    let [first, second] = [dot(0x0102_0304_0506_0708, 2), dot(0xF000_0000_0000_000F, 300)];
    let stamp = Stamp {
        dot: first,
        saved_at_ms: 1_790_000_000_000,
        base: BaseId([7; 16]),
        user: "王",
        tag: [1, 2, 3, 4, 5, 6, 7, 8],
    };
    let entry = |register, value| Entry { register, value };
    let entries = vec![
        entry(Register::whole(1), &[0x08, 5][..]),
        entry(Register::whole(2), b"\x12\x02ab\x12\x01c"),
        entry(Register::whole(3), &[]),
        entry(Register::element(9, b"\x4A\x01x"), b"\x4A\x01x"),
        entry(Register::element(9, b"\x4A\x01y"), &[]),
        entry(Register::whole(200), &[]),
    ];
    let other = Stamp { dot: second, saved_at_ms: 0, base: BaseId([0; 16]), user: "", tag: [0; 8] };
    let state = State {
        context: [dot(0x0102_0304_0506_0708, 3), second].into_iter().collect(),
        groups: vec![
            Group { stamp, entries },
            Group { stamp: other, entries: vec![entry(Register::whole(4), &[0x25, 1, 0, 0, 0])] },
        ],
    };
    assert_eq!(state.encode(), GOLDEN);
    assert_eq!(State::decode(GOLDEN), Ok(state));
    assert_eq!(State::default().encode(), [1, 0, 0]);
}

/// The parts of a group, written without the crate's own encoder and without its checks.
#[derive(Debug, Clone)]
struct Parts {
    /// Flags, index, tick, time.
    head: Vec<u8>,
    user: Vec<u8>,
    whole: Vec<u8>,
    elements: Vec<u8>,
    cleared: Vec<u8>,
    removed: Vec<u8>,
}

/// A group that clears field 1, in the name of the first tick of a replica.
fn group(index: u8) -> Parts {
    let none = Vec::new();
    let head = vec![0, index, 1, 0];
    Parts {
        head,
        user: none.clone(),
        whole: none.clone(),
        elements: none.clone(),
        cleared: vec![1],
        removed: none,
    }
}

fn block(out: &mut Vec<u8>, bytes: &[u8]) {
    causal::put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn context_bytes(seen: &[(u64, u64)]) -> Vec<u8> {
    let mut out = vec![seen.len() as u8];
    for (replica, tick) in seen {
        out.extend_from_slice(&replica.to_be_bytes());
        causal::put_varint(&mut out, *tick);
    }
    out
}

fn state_bytes(context: &[u8], groups: &[Parts]) -> Vec<u8> {
    let mut out = [&[1], context, &[groups.len() as u8]].concat();
    for group in groups {
        out.extend_from_slice(&group.head);
        out.extend_from_slice(&[0; 16]);
        block(&mut out, &group.user);
        out.extend_from_slice(&[0; 8]);
        for section in [&group.whole, &group.elements, &group.cleared, &group.removed] {
            block(&mut out, section);
        }
    }
    out
}

/// Checks what becomes of a state with one group, spoilt by `change`.
fn check_group(change: impl Fn(&mut Parts), expected: Result<(), Corrupt>, why: &str) {
    let mut parts = group(0);
    change(&mut parts);
    let bytes = state_bytes(&context_bytes(&[(1, 1)]), &[parts]);
    assert_eq!(State::decode(&bytes).map(drop), expected, "{why}");
}

fn check(bytes: &[u8], expected: Corrupt, why: &str) {
    assert_eq!(State::decode(bytes), Err(expected), "{why}");
}

#[test]
fn corrupt_frames_are_refused() {
    let one = context_bytes(&[(1, 1)]);
    check(&[], Corrupt::Truncated, "no bytes");
    check(&[0, 0, 0], Corrupt::Version, "version 0");
    check(&[2, 0, 0], Corrupt::Version, "version 2");
    check(&[1, 0, 0, 0], Corrupt::Trailing, "a byte after the end");
    check(&vec![1; MAX_STATE_BYTES + 1], Corrupt::TooLarge, "too large");
    check(&[1, 0, 1], Corrupt::Truncated, "a group that is not there");
    check(&[1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], Corrupt::Truncated, "4 billion groups that are not there");
    check(&state_bytes(&one, &[group(0), group(0)]), Corrupt::Order, "one dot twice");
    let two = context_bytes(&[(1, 1), (2, 1)]);
    check(&state_bytes(&two, &[group(1), group(0)]), Corrupt::Order, "dots descending");
    let whole = state_bytes(&two, &[group(0), group(1)]);
    (0..whole.len()).for_each(|len| check(&whole[..len], Corrupt::Truncated, "cut off"));
}

#[test]
fn corrupt_contexts_are_refused() {
    let overlong = [&[1][..], &[0; 8], &[0x81, 0x00]].concat();
    let of_65_bits = [&[1][..], &[0; 8], &[0xFF; 9], &[0x02]].concat();
    let of_11_bytes = [&[1][..], &[0; 8], &[0xFF; 10], &[0x01]].concat();
    let cases = [
        (vec![], Corrupt::Truncated, "no count"),
        (vec![1], Corrupt::Truncated, "a replica that is not there"),
        (vec![0xFF, 0xFF, 0xFF, 0xFF, 0x0F], Corrupt::Truncated, "4 billion replicas that are not there"),
        (context_bytes(&[(1, 0)]), Corrupt::Order, "tick 0, which is no edit"),
        (context_bytes(&[(2, 1), (1, 1)]), Corrupt::Order, "replicas descending"),
        (context_bytes(&[(1, 1), (1, 2)]), Corrupt::Order, "a replica twice"),
        (overlong, Corrupt::Number, "a number with a byte too many"),
        (of_65_bits, Corrupt::Number, "a number of 65 bits"),
        (of_11_bytes, Corrupt::Number, "a number of 11 bytes"),
    ];
    for (bytes, expected, why) in cases {
        assert_eq!(Context::from_bytes(&bytes), Err(expected), "{why}");
        check(&[&[1][..], &bytes].concat(), expected, why);
    }
    assert_eq!(Context::from_bytes(&[0, 0]), Err(Corrupt::Trailing));
    let most = context_bytes(&[(0, 1), (u64::MAX, u64::MAX)]);
    assert_eq!(Context::from_bytes(&most).map(|c| c.to_bytes()), Ok(most));
}

#[test]
fn corrupt_stamps_are_refused() {
    check_group(|_| (), Ok(()), "not spoilt");
    check_group(|g| g.head[0] = 1, Err(Corrupt::Version), "flags of a newer program");
    check_group(|g| g.head[1] = 1, Err(Corrupt::Context), "a replica outside the context");
    check_group(|g| g.head[2] = 0, Err(Corrupt::Context), "tick 0");
    check_group(|g| g.head[2] = 2, Err(Corrupt::Context), "a tick outside the context");
    check_group(|g| g.head = vec![0, 0, 1, 0x80, 0], Err(Corrupt::Number), "a time with a byte too many");
    check_group(|g| g.user = vec![0xFF], Err(Corrupt::User), "a user that is not UTF-8");
    check_group(|g| g.user = vec![b'u'; 128], Ok(()), "the longest user");
    check_group(|g| g.user = vec![b'u'; 129], Err(Corrupt::User), "a user that is too long");
}

#[test]
fn corrupt_entries_are_refused() {
    let x = || text_field(9, "x");
    let y = || text_field(9, "y");
    let beyond = || number_field(1 << 29, 0);
    let whole = |field| number_field(field, 0);

    let nothing = |g: &mut Parts| (g.user, g.cleared) = (b"u".to_vec(), vec![]);
    check_group(nothing, Err(Corrupt::Order), "an edit of which nothing stands");
    check_group(|g| g.whole = [whole(3), whole(2)].concat(), Err(Corrupt::Order), "fields descending");
    check_group(
        |g| g.whole = [whole(2), whole(3), whole(2)].concat(),
        Err(Corrupt::Order),
        "a field torn apart",
    );
    check_group(|g| g.whole = whole(1), Err(Corrupt::Order), "one field set and cleared");
    check_group(|g| g.whole = whole(0), Err(Corrupt::Field), "field 0");
    check_group(|g| g.whole = beyond(), Err(Corrupt::Field), "a field number beyond protobuf's");
    check_group(|g| g.whole = vec![2 << 3 | 3], Err(Corrupt::Field), "a protobuf group");
    check_group(|g| g.whole = vec![2 << 3 | 7, 0], Err(Corrupt::Field), "a wire type that does not exist");
    check_group(|g| g.whole = vec![2 << 3, 0x80, 0], Err(Corrupt::Number), "a value with a byte too many");
    check_group(|g| g.whole = vec![2 << 3 | 1, 0], Err(Corrupt::Truncated), "a fixed64 cut off");
    check_group(|g| g.whole = vec![2 << 3 | 2, 1], Err(Corrupt::Truncated), "a text cut off");
    check_group(|g| g.whole = vec![2 << 3 | 5, 0, 0, 0], Err(Corrupt::Truncated), "a fixed32 cut off");

    check_group(|g| g.elements = [y(), x()].concat(), Err(Corrupt::Order), "elements descending");
    check_group(|g| g.elements = [x(), x()].concat(), Err(Corrupt::Order), "an element twice");
    check_group(|g| g.removed = [y(), x()].concat(), Err(Corrupt::Order), "removed elements descending");
    check_group(|g| g.removed = [x(), x()].concat(), Err(Corrupt::Order), "an element removed twice");
    check_group(|g| g.elements = beyond(), Err(Corrupt::Field), "an element beyond protobuf's numbers");
    check_group(
        |g| (g.elements, g.removed) = (x(), x()),
        Err(Corrupt::Order),
        "one element added and removed",
    );
    check_group(|g| (g.elements, g.removed) = (y(), x()), Ok(()), "one element added, another removed");
    check_group(|g| (g.elements, g.cleared) = (x(), vec![9]), Ok(()), "a whole field turned into a set");

    check_group(|g| g.cleared = vec![2, 1], Err(Corrupt::Order), "cleared fields descending");
    check_group(|g| g.cleared = vec![1, 1], Err(Corrupt::Order), "a field cleared twice");
    check_group(|g| g.cleared = vec![0], Err(Corrupt::Field), "field 0 cleared");
    let number = [0x80, 0x80, 0x80, 0x80, 0x02];
    check_group(|g| g.cleared = number.to_vec(), Err(Corrupt::Field), "a number beyond protobuf's cleared");
    check_group(|g| g.cleared = vec![0x81, 0], Err(Corrupt::Number), "a cleared number with a byte too many");
}

/// A state written by a few edits that see each other or not, as bytes.
fn valid() -> impl Strategy<Value = Vec<u8>> {
    let an_edit = (0..4u64, any::<bool>(), prop::collection::vec((1..20u32, 0..3u64, 0..3u8), 1..6));
    prop::collection::vec(an_edit, 0..6).prop_map(|edits| {
        let mut bytes = State::default().encode();
        for (tick, (replica, blind, writes)) in (1..).zip(edits) {
            let raws: Vec<_> = writes.iter().map(|(field, value, _)| number_field(*field, *value)).collect();
            let entries = writes.iter().zip(&raws).map(|((field, _, kind), raw)| entry(*field, *kind, raw));
            let entries: Vec<_> = entries.collect();
            let before = State::decode(&bytes).expect("what was encoded decodes");
            let seen = if blind { Context::default() } else { before.context.clone() };
            let after = write(&before, stamp(dot(replica, tick), tick), &seen, &entries);
            bytes = after.state.encode();
        }
        bytes
    })
}

fn entry(field: u32, kind: u8, raw: &[u8]) -> Entry<'_> {
    match kind {
        0 => Entry { register: Register::whole(field), value: raw },
        1 => Entry { register: Register::element(field, raw), value: raw },
        _ => Entry { register: Register::element(field, raw), value: &[] },
    }
}

#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Add(Index, u8),
    Nudge(Index, bool),
    Drop(Index),
    Repeat(Index, Index),
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (at(), 0..4u8).prop_map(|(at, byte)| Damage::Add(at, byte)),
        (at(), any::<bool>()).prop_map(|(at, up)| Damage::Nudge(at, up)),
        at().prop_map(Damage::Drop),
        (at(), at()).prop_map(|(from, len)| Damage::Repeat(from, len)),
        at().prop_map(Damage::Cut),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let of = |index: &Index| index.index(bytes.len());
    match damage {
        Damage::Set(at, byte) => *at.get_mut(bytes) = *byte,
        Damage::Add(at, byte) => bytes.insert(of(at), *byte),
        Damage::Nudge(at, true) => *at.get_mut(bytes) ^= 1,
        Damage::Nudge(at, false) => *at.get_mut(bytes) ^= 0x80,
        Damage::Drop(at) => drop(bytes.remove(of(at))),
        Damage::Repeat(from, len) => {
            let from = of(from);
            let piece = bytes[from..from + len.index(bytes.len() - from)].to_vec();
            bytes.splice(from..from, piece).for_each(drop);
        }
        Damage::Cut(at) => bytes.truncate(of(at)),
    }
}

/// Frames that are nearly right: all the pieces are well-formed, but in any order and number.
fn nearly_valid() -> impl Strategy<Value = Vec<u8>> {
    let context = prop::collection::vec((0..4u64, 0..3u64), 0..4).prop_map(|seen| context_bytes(&seen));
    let raw = (0..5u32, 0..2u64).prop_map(|(field, value)| number_field(field, value));
    let raws = || prop::collection::vec(raw.clone(), 0..3).prop_map(|raws| raws.concat());
    let head = (0..3u8, 0..3u8).prop_map(|(index, tick)| vec![0, index, tick, 0]);
    let cleared = prop::collection::vec(0..5u8, 0..3);
    let parts =
        (head, raws(), raws(), cleared, raws()).prop_map(|(head, whole, elements, cleared, removed)| Parts {
            head,
            user: Vec::new(),
            whole,
            elements,
            cleared,
            removed,
        });
    (context, prop::collection::vec(parts, 0..3)).prop_map(|(context, groups)| state_bytes(&context, &groups))
}

/// Whatever decodes is canonical: it is the encoding of what it decodes to.
fn check_canonical(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(state) = State::decode(bytes) {
        prop_assert_eq!(state.encode(), bytes);
        prop_assert_eq!(merge(&state, &state), Ok(state.clone()));
    }
    if let Ok(context) = Context::from_bytes(bytes) {
        prop_assert_eq!(context.to_bytes(), bytes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_refused_or_canonical(mut bytes in prop::collection::vec(any::<u8>(), 1..200), frame: bool) {
        if frame {
            bytes[0] = 1;
        }
        check_canonical(&bytes)?;
    }

    #[test]
    fn damaged_states_are_refused_or_canonical(
        bytes in valid(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let mut damaged = bytes;
        damages.iter().for_each(|damage| apply(&mut damaged, damage));
        check_canonical(&damaged)?;
    }

    #[test]
    fn nearly_valid_states_are_refused_or_canonical(bytes in nearly_valid()) {
        check_canonical(&bytes)?;
    }

    #[test]
    fn written_states_decode_to_themselves(bytes in valid()) {
        let state = State::decode(&bytes).expect("what was encoded decodes");
        let history = State::of_groups(state.groups.clone());
        for state in [state, history] {
            let again = state.encode();
            prop_assert_eq!(State::decode(&again), Ok(state));
        }
    }
}

const DAYS: u64 = 3650;
const FIELDS: u32 = 20;
/// In each of the fields: with tag and length 645 bytes in all.
const TEXT: &str = "某市某区某街道办事处";

/// A replica in a context: 8 bytes of id and the tick, which is small.
const BYTES_PER_REPLICA: usize = 10;
/// An edit of which one field stands: stamp, lengths, tag of the field.
const BYTES_PER_EDIT: usize = 64;

/// Ten years in which the program was started every day, and the same record edited every day.
#[test]
fn a_record_edited_daily_for_ten_years_stays_small() {
    let bound = DAYS as usize * BYTES_PER_REPLICA + FIELDS as usize * (BYTES_PER_EDIT + TEXT.len());
    let fields: Vec<_> = (1..=FIELDS).map(|field| text_field(field, TEXT)).collect();
    let mut bytes = State::default().encode();
    let mut years = vec![bytes.clone()];
    for day in 0..DAYS {
        let before = State::decode(&bytes).expect("what was encoded decodes");
        let at = (day % u64::from(FIELDS)) as usize;
        let entry = Entry { register: Register::whole(1 + at as u32), value: &fields[at] };
        let edit = stamp(
            dot((day + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15), 1),
            1_790_000_000_000 + day * 86_400_000,
        );
        bytes = write(&before, edit, &before.context, &[entry]).state.encode();
        if day % 365 == 364 {
            years.push(bytes.clone());
        }
    }
    let body: usize = fields.iter().map(Vec::len).sum();
    let context = State::decode(&bytes).expect("what was encoded decodes").context.to_bytes().len();
    println!("ten years: {} bytes, of them context {context}, body {body}; bound {bound}", bytes.len());
    assert!(bytes.len() <= bound, "{} > {bound}", bytes.len());

    let state = State::decode(&bytes).expect("what was encoded decodes");
    assert_eq!((state.context.len(), state.groups.len()), (DAYS as usize, FIELDS as usize));
    for older in &years {
        let older = State::decode(older).expect("what was encoded decodes");
        assert_eq!(merge(&older, &state), Ok(state.clone()));
    }
}

/// A record that was entered once is little more than its body.
#[test]
fn one_edit_costs_at_most_64_bytes_beside_the_body() {
    let fields: Vec<_> = (1..=FIELDS).map(|field| text_field(field, TEXT)).collect();
    let entry = |(field, value)| Entry { register: Register::whole(field), value };
    let entries: Vec<_> = (1..).zip(fields.iter().map(Vec::as_slice)).map(entry).collect();
    let edit = stamp(dot(u64::MAX, 1_000_000), 1_790_000_000_000);
    let bytes = write(&State::default(), edit, &Context::default(), &entries).state.encode();
    let body: usize = fields.iter().map(Vec::len).sum();
    println!("one edit: {} bytes, of them body {body}", bytes.len());
    assert!(bytes.len() - body <= 64, "{} beside the body", bytes.len() - body);
}

/// As many replicas and edits as fit, from two strangers: joining them must not take time in the square of them.
#[test]
fn the_largest_states_merge() {
    let largest = |parity: u64| {
        let replicas = MAX_STATE_BYTES as u64 / (9 + 36) - 1;
        let stamps: Vec<_> =
            (0..replicas).map(|at| Stamp { user: "", ..stamp(dot(2 * at + parity, 1), 0) }).collect();
        let entries = vec![Entry { register: Register::whole(1), value: &[] }];
        let groups = stamps.into_iter().map(|stamp| Group { stamp, entries: entries.clone() }).collect();
        State::of_groups(groups).encode()
    };
    let [a, b] = [largest(0), largest(1)];
    let [a, b] = [&a, &b].map(|bytes| State::decode(bytes).expect("it just fits"));
    let both = merge(&a, &b).expect("no dot is used twice");
    assert_eq!((both.context.len(), both.groups.len()), (2 * a.context.len(), 2 * a.groups.len()));
    assert!(both.context.iter().all(|dot| dot.replica < ReplicaId(u64::MAX) && both.group(dot).is_some()));
    assert_eq!(State::decode(&both.encode()), Err(Corrupt::TooLarge), "whoever stores a merged state checks");
}
