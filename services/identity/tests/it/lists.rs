//! Lists of users.

use auth::Caller;
use proto::{
    common::v1::PageRequest,
    identity::v1::{self as pb, ListUsersRequest, ListUsersResponse},
};
use sqlx::PgPool;

use crate::{
    people::{ana, bound, create, platform, rig},
    rig::{Rig, answer},
};

async fn list(
    rig: &Rig,
    by: &Caller,
    edit: impl FnOnce(&mut ListUsersRequest),
) -> (Vec<i64>, ListUsersResponse) {
    let mut asked = ListUsersRequest::default();
    edit(&mut asked);
    let call = rig.call(by);
    let listed = answer(rig.users().list_users(call.request(asked)).await).unwrap();
    let ids = listed.users.iter().map(|user| user.user_id).collect();
    (ids, listed)
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn lists_find_parts_whatever_their_case_marks_and_signs(pool: PgPool) {
    type Edit = fn(&mut ListUsersRequest);
    let rig = rig(pool).await;
    let by = platform();
    let new = ana("ana_100%@empresa.com");
    let ana = create(&rig, &by, new).await.unwrap().user_id;
    let cases: [(Edit, &[i64]); 20] = [
        (|asked| asked.name = "MUNOZ".into(), &[ana]),
        (|asked| asked.name = "muñóz".into(), &[ana]),
        (|asked| asked.name = "%".into(), &[]),
        (|asked| asked.name = "_".into(), &[]),
        (|asked| asked.name = "\\".into(), &[]),
        (|asked| asked.name = "a\0".into(), &[]),
        (|asked| asked.name = "' OR true --".into(), &[]),
        (|asked| asked.email = "100%".into(), &[ana]),
        (|asked| asked.email = "JUAN@EMPRESA".into(), &[15]),
        (|asked| asked.phone = "50688888888".into(), &[ana]),
        (|asked| asked.phone = "8888-88".into(), &[ana]),
        (|asked| asked.phone = "none".into(), &[]),
        (|asked| asked.company_name = "compania".into(), &[16]),
        (|asked| asked.company_name = "Nadie".into(), &[]),
        (|asked| asked.company_id = 4, &[16]),
        (|asked| asked.company_id = 99, &[]),
        (|asked| asked.role = pb::Role::Super.into(), &[1]),
        (|asked| asked.department_id = 7, &[7, 15, ana]),
        (|asked| asked.active = Some(false), &[]),
        (
            |asked| {
                asked.name = "j".into();
                asked.email = "e".into();
                asked.company_id = 3;
            },
            &[15],
        ),
    ];
    for (nth, (edit, wanted)) in cases.into_iter().enumerate() {
        let (found, listed) = list(&rig, &by, edit).await;
        assert_eq!(found, wanted, "{nth}");
        assert_eq!(listed.page.unwrap().total, wanted.len() as u64, "{nth}");
    }
    let (foreign, _) = list(&rig, &bound(), |asked| asked.company_id = 4).await;
    assert!(foreign.is_empty());
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn lists_come_in_pages(pool: PgPool) {
    let rig = rig(pool).await;
    let by = platform();
    let page = |page, per_page, unpaged| {
        move |asked: &mut ListUsersRequest| {
            asked.page = Some(PageRequest {
                page,
                per_page,
                unpaged,
            });
        }
    };
    let (found, listed) = list(&rig, &by, page(2, 2, false)).await;
    assert_eq!(found, [7, 15]);
    let info = listed.page.unwrap();
    assert_eq!((info.page, info.per_page, info.total), (2, 2, 5));
    let beyond = list(&rig, &by, page(u32::MAX, 100, false)).await.0;
    assert!(beyond.is_empty());
    assert_eq!(list(&rig, &by, page(9, 1, true)).await.0.len(), 5);
    let (_, listed) = list(&rig, &by, |_| {}).await;
    assert_eq!(listed.page.unwrap().per_page, 20);
}
