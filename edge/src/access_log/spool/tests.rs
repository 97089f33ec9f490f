//! What was appended is read, whatever happened to the files meanwhile.

use std::net::IpAddr;

use proto::tenancy::v1::AccessRecord;
use tempfile::TempDir;

use super::*;

const LIMIT: u64 = 64 * 1024 * 1024;

fn row(id: i64) -> Record {
    Record {
        id,
        at_micros: 1_767_614_400_123_456 + id,
        client: 1,
        user: 7,
        company: 3,
        method: "POST",
        route: "/api/chat/list",
        status: 422,
        latency_micros: 1500,
        ip: Some(IpAddr::from([192, 0, 2, 1])),
        agent: 77,
        trace: 0xabc,
        claimed: 736_014,
        received: 10,
        answered: 20,
        error: "INVALID_INPUT",
    }
}

/// Everything there is to read, and where it ended.
fn read_all(spool: &Spool, reader: &mut Reader) -> Vec<AccessRecord> {
    let mut rows = Vec::new();
    while let Some(chunk) = reader.read(512, spool.written()).unwrap() {
        assert!(chunk.records.len() <= 512);
        rows.extend(chunk.records);
    }
    rows
}

fn ids(rows: &[AccessRecord]) -> Vec<i64> {
    rows.iter().map(|row| row.bitacora_id).collect()
}

fn segments(folder: &TempDir) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ENDING))
        .collect();
    paths.sort();
    paths
}

#[test]
fn rows_come_back_as_they_were_in_a_later_process() {
    let folder = TempDir::new().unwrap();
    let (spool, _) = Spool::open(folder.path(), LIMIT).unwrap();
    let bare = Record {
        id: 2,
        ..Record::default()
    };
    assert!(spool.append(&row(1)) && spool.append(&bare));
    drop(spool);
    let (spool, mut reader) = Spool::open(folder.path(), LIMIT).unwrap();
    assert!(spool.append(&row(3)));
    let rows = read_all(&spool, &mut reader);
    assert_eq!(rows, [row(1).wire(), bare.wire(), row(3).wire()]);
}

#[test]
fn many_rows_fill_segments_which_go_when_they_are_delivered() {
    let folder = TempDir::new().unwrap();
    let (spool, mut reader) = Spool::open(folder.path(), LIMIT).unwrap();
    let expected: Vec<i64> = (1..=20_000).collect();
    for id in &expected {
        assert!(spool.append(&row(*id)));
    }
    assert!(segments(&folder).len() > 2);
    let chunk = reader.read(512, spool.written()).unwrap().unwrap();
    reader.rewind(Position::start(1));
    assert_eq!(ids(&chunk.records), expected[..512]);
    assert_eq!(ids(&read_all(&spool, &mut reader)), expected);
    spool.release(chunk.end);
    assert!(
        segments(&folder).len() > 2,
        "not all of the first is delivered"
    );
    spool.release(reader.position());
    assert_eq!(segments(&folder).len(), 1);
    spool.clear();
    assert!(segments(&folder).is_empty());
    assert!(spool.append(&row(1)));
    assert_eq!(ids(&read_all(&spool, &mut reader)), [1]);
}

#[test]
fn a_torn_end_costs_only_itself() {
    let folder = TempDir::new().unwrap();
    for id in [1, 3] {
        let (spool, _) = Spool::open(folder.path(), LIMIT).unwrap();
        assert!(spool.append(&row(id)) && spool.append(&row(id + 1)));
    }
    let cut = |path: &Path, bytes: u64| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - bytes).unwrap();
    };
    let paths = segments(&folder);
    cut(&paths[0], 5);
    let (spool, mut reader) = Spool::open(folder.path(), LIMIT).unwrap();
    assert_eq!(ids(&read_all(&spool, &mut reader)), [1, 3, 4]);
    drop(spool);
    // A flipped bit, and a file of which nothing is left.
    let mut bytes = fs::read(&paths[1]).unwrap();
    let middle = bytes.len() * 3 / 4;
    bytes[middle] ^= 1;
    fs::write(&paths[1], bytes).unwrap();
    fs::write(&paths[0], [0xff; 3]).unwrap();
    let (spool, mut reader) = Spool::open(folder.path(), LIMIT).unwrap();
    assert!(spool.append(&row(5)));
    assert_eq!(ids(&read_all(&spool, &mut reader)), [3, 5]);
}

#[test]
fn it_stays_within_its_limit() {
    let folder = TempDir::new().unwrap();
    let (spool, mut reader) = Spool::open(folder.path(), 1000).unwrap();
    let taken = (1..=100).filter(|id| spool.append(&row(*id))).count();
    assert!((1..10).contains(&taken), "{taken}");
    let used: u64 = segments(&folder)
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    assert!(used <= 1000, "{used}");
    assert_eq!(read_all(&spool, &mut reader).len(), taken);
}

#[test]
fn two_processes_do_not_share_a_folder() {
    let folder = TempDir::new().unwrap();
    let _first = Spool::open(folder.path(), LIMIT).unwrap();
    let refused = Spool::open(folder.path(), LIMIT).err().unwrap();
    assert!(refused.to_string().contains("another process"), "{refused}");
}
