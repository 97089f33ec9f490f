//! Holidays of a company.

use chassis::ErrorCode;
use proto::{
    events::v1::CompanyChanged,
    tenancy::v1::{Holiday, ListHolidaysRequest, SetHolidaysRequest},
};
use sqlx::PgPool;

use crate::rig::{Rig, admin, answer};

#[sqlx::test(migrator = "tenancy_admin::MIGRATOR")]
async fn holidays_are_set_by_span_and_told(pool: PgPool) {
    let rig = Rig::with_demo(pool).await;
    let set = async |from: &str, until: &str, days: &[&str]| {
        let asked = SetHolidaysRequest {
            company_id: 3,
            from: from.to_owned(),
            until: until.to_owned(),
            holidays: days
                .iter()
                .map(|day| Holiday {
                    day: (*day).to_owned(),
                    name: "Feriado".to_owned(),
                })
                .collect(),
        };
        let request = rig.call(&admin()).request(asked);
        answer(rig.companies().set_holidays(request).await).map(|_| ())
    };
    set("2999-01-01", "3000-01-01", &["2999-12-25", "2999-01-01"])
        .await
        .unwrap();
    set("2998-01-01", "2999-01-01", &["2998-04-11"])
        .await
        .unwrap();
    set("2999-12-01", "3000-01-01", &["2999-12-24"])
        .await
        .unwrap();
    let told: CompanyChanged = rig.announced("company.changed").await;
    assert_eq!(told.holidays, ["2998-04-11", "2999-01-01", "2999-12-24"]);
    let asked = ListHolidaysRequest {
        company_id: 3,
        from: "2999-01-01".to_owned(),
        until: "2999-12-24".to_owned(),
    };
    let listed = rig
        .companies()
        .list_holidays(rig.call(&admin()).request(asked))
        .await;
    let listed = answer(listed).unwrap().holidays;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].day, "2999-01-01");
    for (from, until, days) in [
        ("2999-01-01", "3000-01-01", ["2999-02-30"]),
        ("2999-01-01", "3000-01-01", ["3000-01-01"]),
        ("2999-01-01", "2999-01-01", ["2999-01-01"]),
        ("", "2999-01-01", ["2998-01-01"]),
    ] {
        let refused = set(from, until, &days).await.unwrap_err();
        assert_eq!(
            refused.code,
            ErrorCode::InvalidInput,
            "{from} {until} {days:?}"
        );
    }
    let twice = set("2999-01-01", "3000-01-01", &["2999-05-01", "2999-05-01"]).await;
    assert_eq!(twice.unwrap_err().code, ErrorCode::InvalidInput);
}
