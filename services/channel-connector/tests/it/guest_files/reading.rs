//! Reading stored files: whole or in part, in small chunks.

use auth::Caller;
use bytes::Bytes;
use channel_connector::MIGRATOR;
use proto::channel::v1::{
    GetMediaRequest, MediaInfo, get_media_response::Part, media_service_client::MediaServiceClient,
};
use sqlx::PgPool;

use super::PDF;
use crate::rig::{PHONE, Rig};

impl Rig {
    /// A part of a file, and the sizes of the chunks it came in.
    pub(super) async fn part(
        &self,
        filename: &str,
        offset: i64,
        length: Option<i64>,
    ) -> (MediaInfo, Vec<u8>, Vec<usize>) {
        let call = self.call(&Caller::service("edge"));
        let asked = GetMediaRequest {
            filename: filename.into(),
            offset,
            length,
        };
        let mut media = MediaServiceClient::new(self.upstream.clone());
        let answer = media.get_media(call.request(asked)).await.unwrap();
        let mut parts = answer.into_inner();
        let Some(Part::Info(info)) = parts.message().await.unwrap().unwrap().part else {
            panic!("the description comes first")
        };
        let (mut content, mut sizes) = (Vec::new(), Vec::new());
        while let Some(answer) = parts.message().await.unwrap() {
            let Some(Part::Chunk(chunk)) = answer.part else {
                panic!("then comes the content")
            };
            sizes.push(chunk.len());
            content.extend_from_slice(&chunk);
        }
        (info, content, sizes)
    }
}

/// Pieces and chunks have nothing to do with what is asked for.
#[sqlx::test(migrator = "MIGRATOR")]
async fn any_part_of_a_large_file_can_be_read(pool: PgPool) {
    let rig = Rig::start(pool).await;
    rig.whatsapp().await;
    let mut large = PDF.to_vec();
    large.extend((0..700_000_u32).map(|place| u8::try_from(place % 251).unwrap()));
    let media = rig
        .graph
        .store_media(PHONE, "application/pdf", Bytes::from(large.clone()));
    rig.sends("wamid.1", "document", &media).await;
    let filename = rig.until_attached(1).await.remove(0).media_filename;
    assert_eq!(rig.count("content_piece").await, 3);
    let (info, content, sizes) = rig.part(&filename, 0, None).await;
    assert_eq!(usize::try_from(info.size).unwrap(), large.len());
    assert!(content == large, "the file is another one");
    assert!(sizes.iter().all(|size| *size <= 64 * 1024), "{sizes:?}");
    let end = i64::try_from(large.len()).unwrap();
    for (offset, length) in [
        (0, Some(0)),
        (0, Some(1)),
        (262_143, Some(2)),
        (262_144, Some(262_144)),
        (100, Some(600_000)),
        (end - 1, None),
        (end, None),
        (end + 5, Some(7)),
        (-3, Some(2)),
        (5, Some(-1)),
        (i64::MAX, Some(i64::MAX)),
    ] {
        let (info, part, _) = rig.part(&filename, offset, length).await;
        let from = usize::try_from(offset.clamp(0, end)).unwrap();
        let length = usize::try_from(length.unwrap_or(i64::MAX).max(0)).unwrap();
        let wanted = &large[from..from.saturating_add(length).min(large.len())];
        assert!(part == wanted, "{offset} {length}");
        assert_eq!(info.size, end);
    }
}
