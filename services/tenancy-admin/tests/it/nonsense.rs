//! Input that makes no sense gets a clear answer and breaks nothing.

use chassis::ErrorCode;
use proto::{
    common::v1::PageRequest,
    tenancy::v1::{
        ListCompaniesRequest, ListDepartmentsRequest, ListFaqsRequest, ListPlansRequest,
    },
};
use sqlx::PgPool;

use crate::rig::{Rig, answer, platform};

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn filters_of_any_content_answer_a_page(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let pages = [
        PageRequest {
            page: 0,
            per_page: 0,
            unpaged: false,
        },
        PageRequest {
            page: u32::MAX,
            per_page: u32::MAX,
            unpaged: false,
        },
        PageRequest {
            page: u32::MAX,
            per_page: u32::MAX,
            unpaged: true,
        },
    ];
    let texts = [
        String::new(),
        "'\"\\%_;--".to_owned(),
        "é".repeat(1_000_000),
    ];
    for page in pages {
        for text in &texts {
            let call = rig.call(&platform());
            let asked = ListCompaniesRequest {
                page: Some(page),
                name: text.clone(),
                email: text.clone(),
                token: text.clone(),
                plan: text.clone(),
            };
            // Four of the long texts are more than a message may hold.
            let listed = answer(rig.companies().list_companies(call.request(asked)).await);
            assert!(
                listed.is_ok() || text.len() > 1_000_000,
                "{:?}",
                listed.err()
            );
            let asked = ListDepartmentsRequest {
                page: Some(page),
                name: text.clone(),
                company_id: i64::MIN,
                hours_text: String::new(),
                active: None,
            };
            let listed = rig
                .departments()
                .list_departments(call.request(asked))
                .await;
            assert!(answer(listed).unwrap().departments.is_empty());
            let asked = ListFaqsRequest {
                page: Some(page),
                department: text.clone(),
                ..ListFaqsRequest::default()
            };
            answer(rig.faqs().list_faqs(call.request(asked)).await).unwrap();
            let asked = ListPlansRequest {
                page: Some(page),
                name: text.clone(),
                active: Some(true),
            };
            answer(rig.plans().list_plans(call.request(asked)).await).unwrap();
        }
    }
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_text_that_no_database_keeps_is_wrong_input(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let nul = || "a\0b".to_owned();
    let call = rig.call(&platform());
    let asked = ListCompaniesRequest {
        name: nul(),
        ..ListCompaniesRequest::default()
    };
    let refused = answer(rig.companies().list_companies(call.request(asked)).await);
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidInput);
    let asked = ListDepartmentsRequest {
        hours_text: nul(),
        ..ListDepartmentsRequest::default()
    };
    let refused = answer(
        rig.departments()
            .list_departments(call.request(asked))
            .await,
    );
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidInput);
    let asked = ListFaqsRequest {
        department: nul(),
        ..ListFaqsRequest::default()
    };
    let refused = answer(rig.faqs().list_faqs(call.request(asked)).await);
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidInput);
    let asked = ListPlansRequest {
        name: nul(),
        ..ListPlansRequest::default()
    };
    let refused = answer(rig.plans().list_plans(call.request(asked)).await);
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidInput);
}
