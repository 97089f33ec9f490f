//! What mail-ticket keeps of the announcements of others.

use prost::Message;
use proto::events::v1::{CompanyChanged, DepartmentChanged, Event, UserChanged};
use sqlx::PgPool;

use crate::rig::{Rig, mail};

fn event(source: &str, position: i64, kind: &str, data: &impl Message) -> Event {
    Event {
        id: uuid::Uuid::now_v7().as_bytes().to_vec().into(),
        source: source.to_owned(),
        r#type: kind.to_owned(),
        position,
        data: data.encode_to_vec().into(),
        ..Event::default()
    }
}

fn user(id: i64, department_id: i64, role: i32, active: bool) -> UserChanged {
    UserChanged {
        user_id: id,
        company_id: 3,
        department_id,
        role,
        name: format!("Agente {id}"),
        email: format!("agente{id}@atencion.test"),
        active,
    }
}

#[sqlx::test(migrator = "mail_ticket::MIGRATOR")]
async fn announced_people_work_on_tickets(pool: PgPool) {
    let rig = Rig::start(pool).await;
    let department = DepartmentChanged {
        department_id: 7,
        company_id: 3,
        name: "Soporte".to_owned(),
        active: true,
        hours_json: String::new(),
    };
    let company = CompanyChanged {
        company_id: 3,
        name: "Empresa Demo".to_owned(),
        active: true,
        time_zone: "America/Costa_Rica".to_owned(),
        ..CompanyChanged::default()
    };
    let announce = |news: Event| rig.identity.events.lock().unwrap().push(news);
    announce(event("tenancy-admin", 1, "company.changed", &company));
    announce(event("tenancy-admin", 2, "department.changed", &department));
    announce(event("identity", 1, "user.changed", &user(15, 7, 2, true)));
    announce(event("identity", 2, "user.changed", &user(70, 7, 3, true)));
    rig.run_tasks();
    rig.until("SELECT count(*) FROM mail.agent", 2).await;
    rig.until("SELECT count(*) FROM mail.department", 1).await;
    assert_eq!(
        rig.texts("SELECT time_zone FROM mail.company").await,
        ["America/Costa_Rica"]
    );
    let mut elsewhere = mail("1@c", "Prueba");
    elsewhere.to = "test0@cyberfuel.com".to_owned();
    let saved = rig.save(elsewhere.clone()).await;
    assert_eq!((saved.department_id, saved.user_id), (7, 70));

    // Whoever is gone has no tickets: they wait for somebody else.
    announce(event("identity", 3, "user.changed", &user(70, 7, 3, false)));
    rig.until("SELECT count(*) FROM mail.ticket WHERE user_id IS NULL", 1)
        .await;
    elsewhere.headers.clear();
    assert_eq!(rig.save(elsewhere).await.user_id, 0);
}
