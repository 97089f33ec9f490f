//! Companies, plans, departments and FAQs; the legacy routes.

use serde_json::json;

use super::{Replay, step};

const WRONG_PAGINATE: &str = "\"S\"";

/// Runs the scripts in an order in which each finds what it needs.
pub async fn run(replay: &mut Replay) {
    legacy(replay).await;
    plans(replay).await;
    departments(replay).await;
    faqs(replay).await;
    clients(replay).await;
}

/// They pretend not to exist as long as nobody shows credentials.
async fn legacy(replay: &mut Replay) {
    for id in [
        "POST /api/correo/getConfigCorreos",
        "POST /api/deptos/index",
        "POST /api/company/index",
        "POST /api/plan/index",
    ] {
        replay.run(step(id, 0).by_nobody()).await;
    }
    for (id, example) in [
        ("GET /api/deptos/show/{id}", "dignissimos"),
        ("GET /api/company/show/{id}", "veritatis"),
        ("DELETE /api/company/delete/{id}", "aut"),
    ] {
        replay
            .run(step(id, 0).path("id", example).by_nobody())
            .await;
    }
}

async fn plans(replay: &mut Replay) {
    let list = "POST /api/admin/plans/list";
    replay.run(step(list, 0)).await;
    replay
        .run(step(list, 1).set(json!({"paginate": "N"})))
        .await;
    replay
        .run(step(list, 2).set(json!({"paginate": WRONG_PAGINATE})))
        .await;

    let store = "POST /api/admin/plans/store";
    let next = "ALTER TABLE tenancy.plan ALTER COLUMN plan_id RESTART WITH 4";
    replay.run(step(store, 0).after(next)).await;
    replay.run(step(store, 1).set(json!({"name": null}))).await;

    let status = "PATCH /api/admin/plans/update-status";
    replay.run(step(status, 0).set(json!({"state": 0}))).await;
    let on = "UPDATE tenancy.plan SET active = true WHERE plan_id = 4";
    replay.run(step(status, 1).after(on)).await;
    let fail = "CREATE FUNCTION tenancy.refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'no'; END $$";
    let on_update = "CREATE TRIGGER refuse BEFORE UPDATE ON tenancy.plan
                     FOR EACH ROW EXECUTE FUNCTION tenancy.refuse()";
    let broken = step(status, 2).after(fail).after(on_update);
    replay.run(broken.set(json!({"state": 0}))).await;
    let repair = "DROP TRIGGER refuse ON tenancy.plan";
    sqlx::query(repair)
        .execute(&replay.world.database)
        .await
        .unwrap();
}

async fn departments(replay: &mut Replay) {
    let list = "POST /api/admin/departments/list";
    let name = json!({"name": "Soporte", "id_company": 3});
    let open = "UPDATE tenancy.department SET hours = NULL WHERE department_id = 7";
    let paged = step(list, 0).after(open).set(json!({"filters": name}));
    replay.run(paged.free(&["/data/data/0/uuid"])).await;
    let whole = step(list, 1).set(json!({"filters": name, "paginate": "N"}));
    replay.run(whole.free(&["/data/0/uuid"])).await;
    replay
        .run(step(list, 2).set(json!({"quantity_x_page": null})))
        .await;

    let store = "POST /api/admin/departments/store";
    let next = "ALTER TABLE tenancy.department ALTER COLUMN department_id RESTART WITH 12";
    replay
        .run(step(store, 0).after(next).free(&["/data/uuid"]))
        .await;
    replay.run(step(store, 1)).await;
    replay
        .run(step(store, 2).set(json!({"department_name": null})))
        .await;

    let update = "PATCH /api/admin/departments/update";
    // The other days of the documented request are no times of day.
    let hour = json!({"lunes_apertura": "08:00", "lunes_cierre": "17:00"});
    let search = "POST /api/admin/departments/search";
    let given = step(update, 0)
        .set(json!({"department_name": "Soporte", "hour": hour}))
        .wanted("/data/department_name", json!("Soporte"))
        .wanted("/data/hour/lunes_apertura", json!("08:00"))
        .wanted("/data/hour/lunes_cierre", json!("17:00"));
    replay.run(given).await;
    replay.run(step(search, 0)).await;
    replay
        .run(step(search, 1).set(json!({"id_department": 9999})))
        .await;
    replay
        .run(step(search, 2).set(json!({"id_department": null})))
        .await;

    let hour = json!({"lunes_apertura": "09:00", "lunes_cierre": "18:00"});
    replay.run(step(update, 0).set(json!({"hour": hour}))).await;
    let unknown = json!({"id_department": 9999, "hour": hour});
    replay.run(step(update, 1).set(unknown)).await;
    let taken = json!({"department_name": "Ventas", "hour": null});
    replay.run(step(update, 2).set(taken)).await;
    let nothing = json!({"department_name": null, "hour": null});
    replay.run(step(update, 3).set(nothing)).await;

    let status = "PATCH /api/admin/departments/update-status";
    replay.run(step(status, 0).set(json!({"status": 0}))).await;
    // Not behind the back of those who keep a copy.
    let on = json!({"id_department": 7, "status": 1});
    let path = "admin/departments/update-status";
    replay.world.api().patch(path, on).await.ok();
    replay.run(step(status, 1)).await;
    replay
        .run(step(status, 2).set(json!({"id_department": 9999})))
        .await;
    replay.run(step(status, 3).set(json!({"status": 2}))).await;
}

async fn faqs(replay: &mut Replay) {
    let store = "POST /api/admin/faqs/store";
    let clear = "DELETE FROM tenancy.faq";
    let next = "ALTER TABLE tenancy.faq ALTER COLUMN faq_id RESTART WITH 5";
    replay.run(step(store, 0).after(clear).after(next)).await;
    replay
        .run(step(store, 1).set(json!({"departament": null})))
        .await;

    let text = "UPDATE tenancy.faq SET reply = 'Hola, esta es la respuesta.' WHERE faq_id = 5";
    let filters = json!({"replay": "Hola", "company": 3});
    let list = "POST /api/admin/faqs/list";
    replay
        .run(step(list, 0).after(text).set(json!({"filters": filters})))
        .await;
    replay
        .run(step(list, 1).set(json!({"filters": filters, "paginate": "N"})))
        .await;
    replay
        .run(step(list, 2).set(json!({"paginate": WRONG_PAGINATE})))
        .await;

    let search = "POST /api/admin/faqs/search";
    replay.run(step(search, 0)).await;
    replay
        .run(step(search, 1).set(json!({"id_faq": 9999})))
        .await;

    let update = "PATCH /api/admin/faqs/update";
    replay.run(step(update, 0)).await;
    replay
        .run(step(update, 1).set(json!({"id_faq": 9999})))
        .await;
    replay
        .run(step(update, 2).set(json!({"replay": null, "department": null})))
        .await;

    let status = "PATCH /api/admin/faqs/update-status";
    replay.run(step(status, 0)).await;
    let on = "UPDATE tenancy.faq SET active = true WHERE faq_id = 5";
    replay
        .run(step(status, 1).after(on).set(json!({"status": 1})))
        .await;
    replay.run(step(status, 3).set(json!({"status": 2}))).await;
    replay
        .run(step(status, 2).after("DELETE FROM tenancy.faq WHERE faq_id = 5"))
        .await;
}

async fn clients(replay: &mut Replay) {
    let store = "POST /api/admin/clients/store";
    // The address of the documents belongs to the company of the demonstration.
    let release = "UPDATE tenancy.company SET email = 'otra@empresa.com' WHERE company_id = 3";
    let second_plan = "INSERT INTO tenancy.plan
             (plan_id, name, total_dau, price_additional_dau, no_dau, plan_price, price_api,
              price_messenger, price_telegram, max_users, created_at, updated_at)
         VALUES (2, 'Medio', 1000, 0.05, 500, 49.9, 0, 0, 0, 20, now(), now())
         ON CONFLICT DO NOTHING";
    let company = "ALTER TABLE tenancy.company ALTER COLUMN company_id RESTART WITH 10";
    let department = "ALTER TABLE tenancy.department ALTER COLUMN department_id RESTART WITH 21";
    let user = "ALTER TABLE identity.users ALTER COLUMN user_id RESTART WITH 33";
    let created = step(store, 0)
        .after(release)
        .after(second_plan)
        .after(company)
        .after(department)
        .after(user)
        .free(&["/data/company/token", "/data/faq/id_faq"]);
    replay.run(created).await;
    replay.run(step(store, 1)).await;
    replay.run(step(store, 2).set(json!({"email": null}))).await;

    let search = "POST /api/admin/clients/search";
    replay.run(step(search, 0)).await;
    replay
        .run(step(search, 1).set(json!({"id_company": 9999})))
        .await;
    replay
        .run(step(search, 2).set(json!({"id_company": null})))
        .await;

    let update = "PATCH /api/admin/clients/update";
    let same = json!({
        "name": "Empresa Demo", "email": "demo@empresa.com", "balance": "0",
        "pay_day": "2024-12-15", "id_plan": 2, "api": 0, "messenger": 0, "telegram": 0,
    });
    replay.run(step(update, 1).set(same)).await;
    replay.run(step(update, 0)).await;
    replay.run(step(update, 2).set(json!({"id": 9999}))).await;
    replay.run(step(update, 3).set(json!({"id": null}))).await;

    let list = "POST /api/admin/clients/list";
    let first_plan = "INSERT INTO tenancy.plan
             (plan_id, name, total_dau, price_additional_dau, no_dau, plan_price, price_api,
              price_messenger, price_telegram, max_users, created_at, updated_at)
         VALUES (1, 'Inicial', 1000, 0.05, 500, 49.9, 0, 0, 0, 20, now(), now())
         ON CONFLICT DO NOTHING";
    let restore = "UPDATE tenancy.company SET email = 'demo@empresa.com', plan_id = 1
                   WHERE company_id = 3";
    let filters = json!({"email": "demo@empresa.com"});
    let paged = step(list, 0)
        .after(first_plan)
        .after(restore)
        .set(json!({"filters": filters}))
        .wanted("/data/data/0/id", json!(3))
        .free(&[
            "/data/data/0/api",
            "/data/data/0/messenger",
            "/data/data/0/telegram",
        ]);
    replay.run(paged).await;
    let whole = step(list, 1)
        .set(json!({"filters": filters, "paginate": "N"}))
        .wanted("/data/0/id", json!(3))
        .free(&["/data/0/api", "/data/0/messenger", "/data/0/telegram"]);
    replay.run(whole).await;
    replay
        .run(step(list, 2).set(json!({"paginate": WRONG_PAGINATE})))
        .await;
}
