//! Departments and their calendars.

use chassis::{ErrorCode, code::Refusal};
use proto::{
    events::v1::DepartmentChanged,
    tenancy::v1::{
        BusinessHours, CreateDepartmentRequest, DayHours, Department, ListDepartmentsRequest,
        UpdateDepartmentRequest, UpdateDepartmentResponse, UpdateDepartmentStatusRequest,
        update_department_request::HoursChange,
    },
};
use sqlx::PgPool;

use crate::rig::{Rig, admin, answer, platform};

fn hours(opens: &str, closes: &str) -> BusinessHours {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    BusinessHours {
        monday: Some(DayHours {
            opens: text(opens),
            closes: text(closes),
        }),
        ..BusinessHours::default()
    }
}

async fn create(
    rig: &Rig,
    name: &str,
    hours: Option<BusinessHours>,
) -> Result<Department, Refusal> {
    let asked = CreateDepartmentRequest {
        company_id: 3,
        name: name.to_owned(),
        hours,
        idempotency_key: String::new(),
    };
    let request = rig.call(&admin()).request(asked);
    let answered = answer(rig.departments().create_department(request).await)?;
    Ok(answered.department.unwrap())
}

async fn update(
    rig: &Rig,
    asked: UpdateDepartmentRequest,
) -> Result<UpdateDepartmentResponse, Refusal> {
    let request = rig.call(&admin()).request(asked);
    answer(rig.departments().update_department(request).await)
}

fn of_seven() -> UpdateDepartmentRequest {
    UpdateDepartmentRequest {
        department_id: 7,
        ..UpdateDepartmentRequest::default()
    }
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_department_is_made_told_and_noted(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let mut calendar = hours("08:00", "17:00");
    calendar.default_reply = Some("Fuera de \"horario\"".to_owned());
    calendar.email = Some("soporte@empresa.com".to_owned());
    let made = create(&rig, "Soporte Tecnico", Some(calendar.clone()))
        .await
        .unwrap();
    assert_eq!(made.hours, Some(calendar));
    assert_eq!((made.company_id, made.active), (3, true));
    assert_eq!(made.time_zone, "America/Costa_Rica");
    let told: DepartmentChanged = rig.announced("department.changed").await;
    assert_eq!(
        (told.department_id, told.name.as_str()),
        (made.department_id, "Soporte Tecnico")
    );
    assert_eq!(
        told.hours_json,
        r#"{"lunes_apertura":"08:00","lunes_cierre":"17:00","defecto":"Fuera de \"horario\"","email":"soporte@empresa.com"}"#
    );
    let noted = rig.security_events().await;
    assert_eq!(
        noted,
        [(
            "department.created".to_owned(),
            Some(3),
            Some(made.department_id)
        )]
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn wrong_calendars_name_the_time(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    for (opens, closes, field, reason) in [
        ("08:00", "08:00", "hour.lunes_cierre", "NOT_AFTER_OPENING"),
        ("21:00", "06:00", "hour.lunes_cierre", "NOT_AFTER_OPENING"),
        ("24:00", "", "hour.lunes_apertura", "TIME"),
        ("", "7:00", "hour.lunes_cierre", "TIME"),
        ("08:00", "1\0:00", "hour.lunes_cierre", "TIME"),
    ] {
        let refused = create(&rig, "Soporte Tecnico", Some(hours(opens, closes)))
            .await
            .unwrap_err();
        assert_eq!(
            refused.fields,
            [(field.to_owned(), reason.to_owned())],
            "{opens} {closes}"
        );
        let change = UpdateDepartmentRequest {
            hours_change: Some(HoursChange::Hours(hours(opens, closes))),
            ..of_seven()
        };
        let refused = update(&rig, change).await.unwrap_err();
        assert_eq!(refused.fields, [(field.to_owned(), reason.to_owned())]);
    }
    let mut calendar = hours("08:00", "");
    calendar.default_reply = Some("x".repeat(256));
    calendar.email = Some("nobody".to_owned());
    let refused = create(&rig, "Soporte Tecnico", Some(calendar))
        .await
        .unwrap_err();
    let fields: Vec<&str> = refused
        .fields
        .iter()
        .map(|(field, _)| field.as_str())
        .collect();
    assert_eq!(
        fields,
        ["hour.defecto", "hour.email"],
        "half a day is closed, not wrong"
    );
    for name in [
        "Sop",
        "",
        &"x".repeat(101),
        "Sopo\0rte",
        &"x".repeat(1_000_000),
    ] {
        let refused = create(&rig, name, None).await.unwrap_err();
        assert_eq!(refused.fields[0].0, "department_name");
    }
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn of_many_of_one_name_exactly_one_wins(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let asking: Vec<_> = (0..12)
        .map(|nth| {
            let asked = CreateDepartmentRequest {
                company_id: 3,
                name: if nth % 2 == 0 { "Cobros" } else { "COBROS" }.to_owned(),
                hours: None,
                idempotency_key: String::new(),
            };
            let mut departments = rig.departments();
            let request = rig.call(&platform()).request(asked);
            tokio::spawn(async move { answer(departments.create_department(request).await) })
        })
        .collect();
    let mut won = 0;
    for asked in asking {
        match asked.await.unwrap() {
            Ok(_) => won += 1,
            Err(refused) => {
                assert_eq!(refused.code, ErrorCode::AlreadyExists);
                assert_eq!(refused.reason, "DEPARTMENT_NAME_TAKEN");
            }
        }
    }
    assert_eq!(won, 1);
    let change = UpdateDepartmentRequest {
        name: Some("cobros".to_owned()),
        ..of_seven()
    };
    let refused = update(&rig, change).await.unwrap_err();
    assert_eq!(refused.reason, "DEPARTMENT_NAME_TAKEN");
    let general = CreateDepartmentRequest {
        company_id: 4,
        name: "Cobros".to_owned(),
        hours: None,
        idempotency_key: String::new(),
    };
    let elsewhere = rig
        .departments()
        .create_department(rig.call(&platform()).request(general))
        .await;
    assert!(
        answer(elsewhere).is_ok(),
        "other companies have names of their own"
    );
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn a_change_needs_something_to_change(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    for nothing in [
        of_seven(),
        UpdateDepartmentRequest {
            company_id: Some(3),
            ..of_seven()
        },
        UpdateDepartmentRequest {
            hours_change: Some(HoursChange::AlwaysOpen(false)),
            ..of_seven()
        },
    ] {
        let refused = update(&rig, nothing).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (ErrorCode::FailedPrecondition, "NOTHING_TO_UPDATE")
        );
    }
    for foreign in [
        UpdateDepartmentRequest {
            company_id: Some(4),
            name: Some("Soporte 2".to_owned()),
            ..of_seven()
        },
        UpdateDepartmentRequest {
            department_id: 9,
            name: Some("Soporte 2".to_owned()),
            ..of_seven()
        },
        UpdateDepartmentRequest {
            department_id: i64::MIN,
            ..of_seven()
        },
    ] {
        let refused = update(&rig, foreign).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
    }
    let renamed = UpdateDepartmentRequest {
        name: Some("Soporte Nivel 2".to_owned()),
        ..of_seven()
    };
    let first = update(&rig, renamed.clone()).await.unwrap();
    assert!(first.changed);
    assert!(
        first.department.unwrap().hours.is_some(),
        "the calendar stays"
    );
    assert!(!update(&rig, renamed).await.unwrap().changed);
    let open = UpdateDepartmentRequest {
        hours_change: Some(HoursChange::AlwaysOpen(true)),
        ..of_seven()
    };
    assert_eq!(
        update(&rig, open).await.unwrap().department.unwrap().hours,
        None
    );
    let told: DepartmentChanged = rig.announced("department.changed").await;
    assert_eq!(
        (told.name.as_str(), told.hours_json.as_str()),
        ("Soporte Nivel 2", "")
    );
    let kinds: Vec<String> = rig
        .security_events()
        .await
        .into_iter()
        .map(|event| event.0)
        .collect();
    assert_eq!(kinds, ["department.changed"; 2]);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn switching_is_told_once(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    for (active, changed) in [(true, false), (false, true), (false, false), (true, true)] {
        let asked = UpdateDepartmentStatusRequest {
            department_id: 7,
            active,
        };
        let request = rig.call(&admin()).request(asked);
        let answered = answer(rig.departments().update_department_status(request).await).unwrap();
        assert_eq!(answered.changed, changed);
        assert_eq!(answered.department.unwrap().active, active);
        if changed {
            let told: DepartmentChanged = rig.announced("department.changed").await;
            assert_eq!(told.active, active);
            assert!(!told.hours_json.is_empty(), "the whole state is told");
        }
    }
    let kinds: Vec<String> = rig
        .security_events()
        .await
        .into_iter()
        .map(|event| event.0)
        .collect();
    assert_eq!(kinds, ["department.disabled", "department.enabled"]);
}

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn filters_select(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let none = ListDepartmentsRequest::default;
    for (asked, found) in [
        (none(), vec![7, 8, 9]),
        (
            ListDepartmentsRequest {
                name: "SOP".to_owned(),
                ..none()
            },
            vec![7],
        ),
        (
            ListDepartmentsRequest {
                hours_text: "08:00".to_owned(),
                ..none()
            },
            vec![7],
        ),
        (
            ListDepartmentsRequest {
                hours_text: r#""lunes_cierre":"17:00""#.to_owned(),
                ..none()
            },
            vec![7],
        ),
        (
            ListDepartmentsRequest {
                hours_text: "09:00".to_owned(),
                ..none()
            },
            vec![],
        ),
        (
            ListDepartmentsRequest {
                company_id: 4,
                ..none()
            },
            vec![9],
        ),
        (
            ListDepartmentsRequest {
                company_id: -4,
                ..none()
            },
            vec![],
        ),
        (
            ListDepartmentsRequest {
                active: Some(false),
                ..none()
            },
            vec![],
        ),
        (
            ListDepartmentsRequest {
                name: "_".to_owned(),
                ..none()
            },
            vec![],
        ),
    ] {
        let request = rig.call(&platform()).request(asked.clone());
        let listed = answer(rig.departments().list_departments(request).await).unwrap();
        let ids: Vec<i64> = listed
            .departments
            .iter()
            .map(|found| found.department_id)
            .collect();
        assert_eq!(ids, found, "{asked:?}");
        assert_eq!(listed.page.unwrap().total, found.len() as u64);
    }
}
