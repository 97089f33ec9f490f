//! A row as bytes: length, checksum, and the row itself, all big endian. The three
//! texts stand at the end, each after its length.

use bytes::{Buf, BufMut, TryGetError};
use crc::{CRC_32_ISCSI, Crc, Table};
use proto::tenancy::v1::AccessRecord;

use crate::access_log::record::{self, Record};

static CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Length and checksum.
const HEAD: usize = 8;

/// Adds a row to `out`.
pub fn encode(record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    out.put_bytes(0, HEAD);
    out.put_i64(record.id);
    out.put_i64(record.at_micros);
    out.put_i64(record.client);
    out.put_i64(record.user);
    out.put_i64(record.company);
    out.put_u16(record.status);
    out.put_u32(record.latency_micros);
    out.put_u128(record::address_bits(record.ip));
    out.put_u64(record.agent);
    out.put_u128(record.trace);
    out.put_i64(record.claimed);
    out.put_u64(record.received);
    out.put_u64(record.answered);
    for text in [record.method, record.route, record.error] {
        // They are names of our own, far shorter than that.
        let length = text.len().min(1000);
        out.put_u16(u16::try_from(length).unwrap_or(0));
        out.put_slice(&text.as_bytes()[..length]);
    }
    let body = &out[start + HEAD..];
    let length = u32::try_from(body.len()).unwrap_or(0);
    let checksum = CHECKSUM.checksum(body);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    out[start + 4..start + HEAD].copy_from_slice(&checksum.to_be_bytes());
}

/// The row at the beginning of `bytes`, and how many of them it takes; `None` when
/// there is no whole one.
pub fn decode(mut bytes: &[u8]) -> Option<(AccessRecord, usize)> {
    let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
    let checksum = bytes.try_get_u32().ok()?;
    let body = bytes.get(..length)?;
    let row = (CHECKSUM.checksum(body) == checksum).then(|| row(body))?;
    Some((row.ok()?, HEAD + length))
}

fn row(mut body: &[u8]) -> Result<AccessRecord, TryGetError> {
    Ok(AccessRecord {
        bitacora_id: body.try_get_i64()?,
        occurred_at: Some(record::timestamp(body.try_get_i64()?)),
        client_id: body.try_get_i64()?,
        user_id: body.try_get_i64()?,
        company_id: body.try_get_i64()?,
        status: body.try_get_u16()?.into(),
        latency_us: body.try_get_u32()?.into(),
        client_ip: record::address_text(body.try_get_u128()?),
        user_agent_hash: record::agent_bytes(body.try_get_u64()?).into(),
        trace_id: record::trace_text(body.try_get_u128()?),
        claimed_parent_id: body.try_get_i64()?,
        request_bytes: body.try_get_u64()?,
        response_bytes: body.try_get_u64()?,
        method: text(&mut body)?,
        route: text(&mut body)?,
        error_code: text(&mut body)?,
        parent_id: 0,
    })
}

fn text(body: &mut &[u8]) -> Result<String, TryGetError> {
    let length = usize::from(body.try_get_u16()?);
    let mut text = vec![0; length];
    body.try_copy_to_slice(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
