//! FAQs.

use auth::Caller;
use chassis::{ErrorCode, code::Refusal};
use proto::tenancy::v1::{
    CreateFaqRequest, Faq, FaqDepartments, GetFaqRequest, ListFaqsRequest, UpdateFaqRequest,
    UpdateFaqResponse, UpdateFaqStatusRequest,
};
use sqlx::PgPool;

use crate::rig::{Rig, admin, agent, answer, platform};

async fn create(rig: &Rig, reply: &str, department_ids: &[i64]) -> Result<Faq, Refusal> {
    let asked = CreateFaqRequest {
        company_id: 3,
        reply: reply.to_owned(),
        department_ids: department_ids.to_vec(),
        idempotency_key: String::new(),
    };
    let request = rig.call(&admin()).request(asked);
    Ok(answer(rig.faqs().create_faq(request).await)?.faq.unwrap())
}

async fn update(rig: &Rig, asked: UpdateFaqRequest) -> Result<UpdateFaqResponse, Refusal> {
    answer(
        rig.faqs()
            .update_faq(rig.call(&admin()).request(asked))
            .await,
    )
}

async fn list(rig: &Rig, caller: &Caller, asked: ListFaqsRequest) -> Vec<i64> {
    let listed = rig.faqs().list_faqs(rig.call(caller).request(asked)).await;
    let listed = answer(listed).unwrap();
    assert_eq!(listed.page.unwrap().total, listed.faqs.len() as u64);
    listed.faqs.iter().map(|found| found.faq_id).collect()
}

async fn set_active(rig: &Rig, faq_id: i64, active: bool) -> bool {
    let asked = UpdateFaqStatusRequest { faq_id, active };
    let request = rig.call(&admin()).request(asked);
    answer(rig.faqs().update_faq_status(request).await)
        .unwrap()
        .changed
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn departments_are_of_the_company_and_in_order(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let made = create(&rig, "Hola, ¿en que puedo ayudarte?", &[8, 0, 7, 8])
        .await
        .unwrap();
    assert_eq!(made.department_ids, [8, 0, 7]);
    assert!(made.active);
    let too_many: Vec<i64> = (0..101).collect();
    for (reply, ids, field) in [
        ("Hola", &[9][..], "departament"),
        ("Hola", &[7, 99], "departament"),
        ("Hola", &[-1], "departament"),
        ("Hola", &[], "departament"),
        ("Hola", &too_many, "departament"),
        ("", &[0], "replay"),
        (&"x".repeat(4097), &[0], "replay"),
        ("a\0b", &[0], "replay"),
    ] {
        let refused = create(&rig, reply, ids).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.fields[0].0.as_str()),
            (ErrorCode::InvalidInput, field)
        );
    }
    let foreign = CreateFaqRequest {
        company_id: 4,
        reply: "Hola".to_owned(),
        department_ids: vec![0],
        idempotency_key: String::new(),
    };
    let refused = rig
        .faqs()
        .create_faq(rig.call(&admin()).request(foreign))
        .await;
    assert_eq!(answer(refused).unwrap_err().fields[0].0, "company");
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_change_is_judged_and_noted(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let of_five = || UpdateFaqRequest {
        faq_id: 5,
        ..UpdateFaqRequest::default()
    };
    let refused = update(&rig, of_five()).await.unwrap_err();
    assert_eq!(
        refused.fields,
        [("payload".to_owned(), "NOTHING_TO_UPDATE".to_owned())]
    );
    let departments = |ids: &[i64]| {
        Some(FaqDepartments {
            department_ids: ids.to_vec(),
        })
    };
    let refused = update(
        &rig,
        UpdateFaqRequest {
            departments: departments(&[9]),
            ..of_five()
        },
    )
    .await;
    assert_eq!(refused.unwrap_err().fields[0].0, "department");
    let change = UpdateFaqRequest {
        reply: Some("Respuesta actualizada".to_owned()),
        departments: departments(&[0, 8]),
        ..of_five()
    };
    let updated = update(&rig, change.clone()).await.unwrap();
    assert!(updated.changed);
    assert_eq!(updated.faq.unwrap().department_ids, [0, 8]);
    assert!(!update(&rig, change).await.unwrap().changed);
    assert!(set_active(&rig, 5, false).await);
    assert!(!set_active(&rig, 5, false).await);
    let noted = rig.security_events().await;
    assert_eq!(
        noted,
        [
            ("faq.changed".to_owned(), Some(3), Some(5)),
            ("faq.disabled".to_owned(), Some(3), Some(5))
        ]
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn agents_see_what_their_department_may_say(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let own = create(&rig, "De soporte", &[7]).await.unwrap().faq_id;
    let other = create(&rig, "De ventas", &[8]).await.unwrap().faq_id;
    let off = create(&rig, "Apagada", &[7]).await.unwrap().faq_id;
    set_active(&rig, off, false).await;
    assert_eq!(
        list(&rig, &agent(), ListFaqsRequest::default()).await,
        [5, own]
    );
    for (id, seen) in [
        (5, true),
        (own, true),
        (other, false),
        (off, false),
        (6, false),
    ] {
        let got = rig
            .faqs()
            .get_faq(rig.call(&agent()).request(GetFaqRequest { faq_id: id }))
            .await;
        assert_eq!(answer(got).is_ok(), seen, "{id}");
    }
    let mut nowhere = agent();
    nowhere.user.as_mut().unwrap().department = None;
    assert_eq!(list(&rig, &nowhere, ListFaqsRequest::default()).await, [5]);
    assert_eq!(
        list(&rig, &admin(), ListFaqsRequest::default()).await,
        [5, own, other, off]
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn filters_select(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let sales = create(&rig, "De ventas", &[8]).await.unwrap().faq_id;
    let none = ListFaqsRequest::default;
    for (asked, found) in [
        (none(), vec![5, 6, sales]),
        (
            ListFaqsRequest {
                reply: "HOLA".to_owned(),
                ..none()
            },
            vec![5, 6],
        ),
        (
            ListFaqsRequest {
                company_id: 3,
                ..none()
            },
            vec![5, sales],
        ),
        (
            ListFaqsRequest {
                department: "venta".to_owned(),
                ..none()
            },
            vec![5, sales],
        ),
        (
            ListFaqsRequest {
                department: "Soporte".to_owned(),
                ..none()
            },
            vec![5],
        ),
        (
            ListFaqsRequest {
                department: "Nadie".to_owned(),
                ..none()
            },
            vec![],
        ),
        (
            ListFaqsRequest {
                active: Some(false),
                ..none()
            },
            vec![],
        ),
    ] {
        assert_eq!(
            list(&rig, &platform(), asked.clone()).await,
            found,
            "{asked:?}"
        );
    }
}
