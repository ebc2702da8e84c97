//! Comparing by digests between two offices over the engine in memory: RESYNC sends only what differs, and `verify`
//! names what is not the same. Each figure is counted: records that travelled, questions, and rows named in them.

use causal::RecordId;
use office::{OfficeError, Verified};
use store::{Engine as _, Read as _};
use sync::Unsent;
use sync::compare::{Place, RANGE_ROWS, RangesAsked, Why};

use crate::common::{Direct, put};
use crate::nodes::{KIND, Node, Session, Traffic, fields, greet, settled, sync, two};

async fn verify(child: &Node, parent: &Node) -> Verified {
    let (session, welcome, _) = greet(child, parent).await;
    let mut direct = Direct { parent: &parent.office, child: child.office.me().base, session };
    child.office.verify(&welcome, &mut direct, &mut |_| {}).await.unwrap()
}

const MANY: usize = 1_050;

#[tokio::test]
async fn a_plain_restart_sends_nothing() {
    let (mut city, mut district) = two().await;
    district.enter(0..50).await;
    sync(&district, &city).await;
    let (city_disk, district_disk) = (city.disk.clone(), district.disk.clone());
    city.put_back(&city_disk).await;
    district.put_back(&district_disk).await;
    settled(&district, &city).await;
}

#[tokio::test]
async fn the_first_copy_asks_nothing() {
    let (city, district) = two().await;
    district.enter(0..50).await;
    let first = sync(&district, &city).await;
    assert_eq!((first.records(), first.questions), ((50, 0), 0));
    settled(&district, &city).await;
}

// Wrong: a restored parent takes all records of all its children again, and sends them all theirs.
#[tokio::test]
async fn a_restored_parent_gets_what_it_lost_and_nothing_else() {
    let (mut city, district) = two().await;
    let saved = district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = city.backup();
    district.enter(MANY..MANY + 7).await;
    district.edit(&saved[3], "改名书画社").await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let again = sync(&district, &city).await;
    assert!(again.resync);
    // The register of bases is compared with the rest.
    assert_eq!(again.records(), (8, 0), "{again:?}");
    assert!(again.ranges <= (MANY + 20).div_ceil(RANGE_ROWS) + 1, "{again:?}");
    assert!(again.rows <= 3 * RANGE_ROWS, "only ranges that differ are gone into: {again:?}");
    settled(&district, &city).await;
}

#[tokio::test]
async fn resync_of_equal_records_moves_only_digests() {
    let (mut city, district) = two().await;
    district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = city.backup();
    // Something the backup has not seen, which is gone again: an acknowledgement beyond it.
    let extra = district.enter(MANY..MANY + 1).await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let again = sync(&district, &city).await;
    assert_eq!((again.resync, again.records()), (true, (1, 0)), "{again:?}");
    assert_eq!(again.questions, 2, "{again:?}");
    assert_eq!(city.name(extra[0].id).await, "第1050书画社");
    // The link's two ends agree; now the child forgets nothing, and the parent comes back once more, unchanged.
    settled(&district, &city).await;
}

#[tokio::test]
async fn a_restored_child_gets_its_own_lost_edits_back() {
    let (city, mut district) = two().await;
    let saved = district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = district.backup();
    district.edit(&saved[5], "恢复前改的名").await;
    let newer = district.enter(MANY..MANY + 4).await;
    sync(&district, &city).await;
    district.put_back(&backup).await;
    let again = sync(&district, &city).await;
    assert!(!again.resync, "what it remembers of the parent is still the parent's past");
    assert_eq!(again.records(), (0, 5), "{again:?}");
    assert_eq!(district.name(saved[5].id).await, "恢复前改的名");
    assert_eq!(district.name(newer[0].id).await, "第1050书画社");
    settled(&district, &city).await;
}

// Wrong: two old disks that meet send each other everything, or each believes the other to hold what neither does.
#[tokio::test]
async fn both_restored_exchange_what_either_lacks() {
    let (mut city, mut district) = two().await;
    let saved = district.enter(0..MANY).await;
    sync(&district, &city).await;
    let old_district = district.backup();
    let in_the_city = city.office.put(put(KIND, fields("市级书画社"))).await.unwrap();
    district.edit(&saved[0], "区里改的").await;
    sync(&district, &city).await;
    let old_city = city.backup();
    district.enter(MANY..MANY + 3).await;
    sync(&district, &city).await;
    city.put_back(&old_city).await;
    district.put_back(&old_district).await;
    district.edit(&saved[1], "恢复后改的").await;
    let again = sync(&district, &city).await;
    assert!(again.pushed <= 2 && again.pulled <= 2, "{again:?}");
    assert_eq!(district.name(saved[0].id).await, "区里改的");
    assert_eq!(city.name(saved[1].id).await, "恢复后改的");
    assert!(district.office.get(KIND, &in_the_city.id.to_string()).await.is_err(), "not in its scope");
    assert_eq!(sync(&district, &city).await, Traffic::default());
}

// Wrong: only the pull's position is compared, and what was acknowledged after the backup is missing for ever.
#[tokio::test]
async fn a_parent_restored_behind_an_acknowledgement_but_ahead_of_the_cursor() {
    let (mut city, district) = two().await;
    district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = city.backup();
    let lost = district.enter(MANY..MANY + 2).await;
    let mut session = Session::begin(&district, &city).await;
    session.compare(false).await.unwrap();
    session.push().await;
    // The cable is pulled before the pull: the cursor is still where it was at the backup.
    city.put_back(&backup).await;
    assert!(city.office.get(KIND, &lost[0].id.to_string()).await.is_err());
    let again = sync(&district, &city).await;
    assert_eq!((again.resync, again.records()), (true, (2, 0)), "{again:?}");
    settled(&district, &city).await;
}

// Wrong: what a comparison settled leaves no trace of where the parent stood, and its restore goes unnoticed.
#[tokio::test]
async fn a_parent_restored_behind_a_comparison_gets_everything_back() {
    let (mut city, district) = two().await;
    district.enter(0..20).await;
    sync(&district, &city).await;
    let before = city.backup();
    let lost = district.enter(20..25).await;
    sync(&district, &city).await;
    // The parent forgets the epoch of the link: RESYNC, of which only the comparison comes through.
    let middle = city.backup();
    district.enter(25..26).await;
    sync(&district, &city).await;
    city.put_back(&middle).await;
    let mut session = Session::begin(&district, &city).await;
    assert!(session.welcome.resync);
    session.compare(false).await.unwrap();
    assert_eq!(district.waiting().await, 1, "all but the last are settled");
    city.put_back(&before).await;
    let again = sync(&district, &city).await;
    assert!(again.resync, "the comparison was at a place that this parent does not know");
    assert_eq!(again.records(), (6, 0), "{again:?}");
    assert_eq!(city.name(lost[0].id).await, "第20书画社");
    settled(&district, &city).await;
}

// Wrong: a cable pulled after the comparison makes the parent send everything in the next session.
#[tokio::test]
async fn a_resync_that_was_cut_off_compares_again() {
    let (mut city, district) = two().await;
    district.enter(0..MANY).await;
    sync(&district, &city).await;
    let backup = city.backup();
    district.enter(MANY..MANY + 1).await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let mut session = Session::begin(&district, &city).await;
    session.compare(false).await.unwrap();
    let again = sync(&district, &city).await;
    assert_eq!((again.resync, again.records()), (false, (1, 0)), "{again:?}");
    settled(&district, &city).await;
}

// Wrong: an edit that was made while the comparison was under way counts as sent.
#[tokio::test]
async fn an_edit_during_the_comparison_still_goes_up() {
    let (mut city, district) = two().await;
    let saved = district.enter(0..20).await;
    sync(&district, &city).await;
    let backup = city.backup();
    district.enter(20..21).await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let mut session = Session::begin(&district, &city).await;
    district.edit(&saved[2], "核对时改的").await;
    session.compare(false).await.unwrap();
    district.edit(&saved[3], "核对后改的").await;
    session.push().await;
    session.pull().await;
    assert_eq!(session.traffic.records(), (2, 0));
    assert_eq!(city.name(saved[2].id).await, "核对时改的");
    assert_eq!(sync(&district, &city).await.records(), (1, 0));
    assert_eq!(city.name(saved[3].id).await, "核对后改的");
    settled(&district, &city).await;
}

// Wrong: the rule rests on the digests. They only spare traffic.
#[tokio::test]
async fn without_a_comparison_everything_is_sent() {
    let (mut city, district) = two().await;
    district.enter(0..30).await;
    sync(&district, &city).await;
    let backup = city.backup();
    district.enter(30..31).await;
    sync(&district, &city).await;
    city.put_back(&backup).await;
    let mut session = Session::begin(&district, &city).await;
    assert!(session.compare(true).await.is_err());
    session.push().await;
    session.pull().await;
    // Two bases and 31 records; the parent need not send back what it was pushed and held as it was.
    assert_eq!(session.traffic.pushed, 33);
    settled(&district, &city).await;
}

#[tokio::test]
async fn an_ended_session_compares_nothing() {
    let (city, district) = two().await;
    let (old, ..) = greet(&district, &city).await;
    let (new, ..) = greet(&district, &city).await;
    let asked = RangesAsked { after: None, ranges: sync::compare::ranges(&[], Some(sync::compare::LAST)) };
    let me = district.office.me().base;
    assert!(city.office.compare_ranges(me, new, &asked).await.is_ok());
    assert!(matches!(city.office.compare_ranges(me, old, &asked).await, Err(OfficeError::SessionEnded)));
    let unsound = RangesAsked::default();
    let refused = city.office.compare_ranges(me, new, &unsound).await;
    assert!(matches!(refused, Err(OfficeError::Comparison(_))));
}

// Wrong: a comparison tells a child of records that it may not see.
#[tokio::test]
async fn a_comparison_tells_nothing_outside_the_scope() {
    let (city, district) = two().await;
    city.office.put(put(KIND, fields("市级书画社"))).await.unwrap();
    sync(&district, &city).await;
    let verified = verify(&district, &city).await;
    assert_eq!((verified.found.len(), verified.equal), (0, 2), "{verified:?}");
}

#[tokio::test]
async fn verify_says_that_both_hold_the_same() {
    let (city, district) = two().await;
    district.enter(0..MANY).await;
    sync(&district, &city).await;
    let verified = verify(&district, &city).await;
    assert_eq!((verified.equal, verified.in_flight(), verified.amiss()), (MANY as u64 + 2, 0, 0));
    assert_eq!(sync(&district, &city).await, Traffic::default(), "it changed nothing");
}

#[tokio::test]
async fn verify_names_what_is_under_way_apart_from_what_is_amiss() {
    let (city, district) = two().await;
    let saved = district.enter(0..10).await;
    sync(&district, &city).await;
    // Waits to go up, new and changed; waits to come down.
    let new = district.enter(10..11).await;
    district.edit(&saved[1], "区里改的").await;
    city.edit(&saved[2], "市里改的").await;
    // And one that the parent lost without a trace.
    let mut tx = city.disk.begin().await.unwrap();
    let drops = vec![saved[3].id];
    store::Write::apply(&mut tx, &sync::Changes { drops, ..sync::Changes::default() }).await.unwrap();
    store::Write::commit(tx).await.unwrap();
    let verified = verify(&district, &city).await;
    let of = |id: RecordId| verified.found.iter().find(|f| f.id == id).map(|f| (f.place, f.why));
    assert_eq!(of(new[0].id), Some((Place::OnlyHere, Why::WaitsUp)));
    assert_eq!(of(saved[1].id), Some((Place::Differs, Why::WaitsUp)));
    assert_eq!(of(saved[2].id), Some((Place::Differs, Why::WaitsDown)));
    assert_eq!(of(saved[3].id), Some((Place::OnlyHere, Why::Unexplained)));
    assert_eq!((verified.equal, verified.in_flight(), verified.amiss()), (9, 3, 1), "{verified:?}");
    let titles: Vec<_> = verified.found.iter().map(|f| f.title.as_str()).collect();
    assert!(titles.contains(&"区里改的") && titles.contains(&"第3书画社"), "{titles:?}");
    let waiting = district.disk.snapshot().await.unwrap().rows(&[saved[1].id]).await.unwrap();
    assert_eq!(waiting[0].unsent, Unsent::Unpushed, "verify settles nothing");
}

#[tokio::test]
async fn verify_finds_what_only_the_parent_has() {
    let (city, district) = two().await;
    let saved = district.enter(0..10).await;
    sync(&district, &city).await;
    let mut tx = district.disk.begin().await.unwrap();
    let drops = vec![saved[4].id];
    store::Write::apply(&mut tx, &sync::Changes { drops, ..sync::Changes::default() }).await.unwrap();
    store::Write::commit(tx).await.unwrap();
    let verified = verify(&district, &city).await;
    let found: Vec<_> = verified.found.iter().map(|f| (f.id, f.place, f.kind.as_str())).collect();
    assert_eq!(found, [(saved[4].id, Place::OnlyAbove, KIND)]);
    assert_eq!(verified.amiss(), u64::from(verified.found[0].why == Why::Unexplained), "{verified:?}");
}
