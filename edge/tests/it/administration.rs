//! Companies, departments, FAQs and plans: how input is read and how refusals
//! look, beyond the examples of the documents.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    fakes::refusal,
    harness::{Answer, Edge, request},
};

fn errors(answer: &Answer) -> Value {
    assert_eq!(
        answer.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        answer.text
    );
    answer.json()["data"]["errors"].clone()
}

fn new_company() -> Value {
    json!({
        "name": "Empresa Demo", "email": "demo@empresa.com", "id_plan": "2", "balance": 150.75,
        "pay_day": "2024-12-15", "user_name": "Admin Demo", "user_email": "admin@empresa.com",
        "password": "Secret123",
    })
}

#[tokio::test]
async fn amounts_pass_exactly_in_either_writing() {
    let edge = Edge::new();
    let path = "/api/admin/clients/store";
    for (sent, passed, shown) in [
        (json!(150.75), "150.75", "150.75"),
        (json!("150.7500"), "150.7500", "150.75"),
        (
            json!("99999999999999.9999"),
            "99999999999999.9999",
            "99999999999999.9999",
        ),
        (json!(-3), "-3", "-3"),
        (json!("+7.0"), "+7.0", "7"),
    ] {
        let mut body = new_company();
        body["balance"] = sent;
        let answer = edge.json("POST", path, &body).await;
        if shown == "7" {
            // A service never answers a plus sign; the fake echoes it.
            continue;
        }
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let (_, words) = edge.world.last("CreateCompany");
        assert!(words.contains(&format!("balance: {passed:?}")), "{words}");
        assert!(
            answer.text.contains(&format!(r#""balance":{shown}}}"#)),
            "{}",
            answer.text
        );
    }
    for wrong in [
        json!("1e3"),
        json!(1e12),
        json!("a"),
        json!(true),
        json!([1]),
        json!("1,5"),
    ] {
        let mut body = new_company();
        body["balance"] = wrong;
        let answer = edge.json("POST", path, &body).await;
        assert_eq!(
            errors(&answer),
            json!({"balance": ["El campo balance debe ser un numero de hasta 14 enteros y 4 decimales."]})
        );
    }
}

#[tokio::test]
async fn every_wrong_field_of_a_company_is_told_in_order() {
    let edge = Edge::new();
    let body = json!({
        "name": "x".repeat(192), "email": "nobody", "id_plan": "two", "balance": "b",
        "pay_day": "15/12/2024", "user_name": 5, "user_email": [], "password": "short",
    });
    let answer = edge.json("POST", "/api/admin/clients/store", &body).await;
    assert_eq!(answer.json()["message"], "Errores de validacion.");
    assert_eq!(
        errors(&answer).to_string(),
        json!({
            "name": ["El campo name no debe superar 191 caracteres."],
            "email": ["El campo email debe ser un correo valido."],
            "id_plan": ["El campo id_plan debe ser un numero entero."],
            "balance": ["El campo balance debe ser un numero de hasta 14 enteros y 4 decimales."],
            "pay_day": ["El campo pay_day debe ser una fecha con formato Y-m-d."],
            "user_name": ["El campo user_name debe ser una cadena de texto."],
            "user_email": ["El campo user_email debe ser una cadena de texto."],
            "password": ["El campo password debe tener al menos 8 caracteres."],
        })
        .to_string()
    );
    assert_eq!(edge.world.count("CreateCompany"), 0);
}

#[tokio::test]
async fn a_key_reused_is_told_from_an_address_taken() {
    let edge = Edge::new();
    let mut body = new_company();
    body["email"] = json!("reused@empresa.com");
    let asked = request("POST", "/api/admin/clients/store")
        .client()
        .header("idempotency-key", "k-1")
        .json(&body);
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(
        answer.json()["message"],
        "La clave de idempotencia ya se uso con otro contenido."
    );
    assert!(
        edge.world
            .last("CreateCompany")
            .1
            .contains(r#"idempotency_key: "admin/clients/store k-1""#)
    );
    body = json!({"id": 10, "email": "taken@empresa.com"});
    let answer = edge.json("PATCH", "/api/admin/clients/update", &body).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.json()["message"], "Conflicto de unicidad.");
}

#[tokio::test]
async fn tokens_of_companies_are_not_kept_on_the_way() {
    let edge = Edge::new();
    let answer = edge
        .json("POST", "/api/admin/clients/list", &json!({}))
        .await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = edge
        .json("POST", "/api/admin/clients/list", &json!({"paginate": "N"}))
        .await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-total-count"), "1");
}

#[tokio::test]
async fn a_calendar_is_judged_time_by_time() {
    let edge = Edge::new();
    let path = "/api/admin/departments/update";
    let body = json!({"id_department": 7, "hour": {
        "lunes_apertura": "08:00", "lunes_cierre": "08:00", "martes_apertura": "24:00",
        "miercoles_apertura": "21:00", "miercoles_cierre": "06:00", "jueves_cierre": 17,
        "defecto": "x".repeat(256), "email": "nobody", "feriado": true,
    }});
    let answer = edge.json("PATCH", path, &body).await;
    assert_eq!(answer.json()["message"], "Validacion fallida.");
    assert_eq!(
        errors(&answer),
        json!({
            "hour.lunes_cierre":
                ["El campo hour.lunes_cierre debe ser posterior a la hora de apertura."],
            "hour.martes_apertura":
                ["El campo hour.martes_apertura debe ser una hora con formato HH:MM."],
            "hour.miercoles_cierre":
                ["El campo hour.miercoles_cierre debe ser posterior a la hora de apertura."],
            "hour.jueves_cierre":
                ["El campo hour.jueves_cierre debe ser una hora con formato HH:MM."],
            "hour.defecto": ["El campo hour.defecto no debe superar 255 caracteres."],
            "hour.email": ["El campo hour.email debe ser un correo valido."],
        })
    );
    for (hour, words) in [
        (json!({}), "AlwaysOpen(true)"),
        (json!([]), "AlwaysOpen(true)"),
        (json!({"lunes_apertura": ""}), "AlwaysOpen(true)"),
        (
            json!({"domingo_cierre": " 12:00 "}),
            r#"closes: Some("12:00")"#,
        ),
    ] {
        let body = json!({"id_department": "7", "hour": hour});
        let answer = edge.json("PATCH", path, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let (_, asked) = edge.world.last("UpdateDepartment");
        assert!(asked.contains(words), "{asked}");
    }
    let answer = edge
        .json("PATCH", path, &json!({"id_department": 7, "hour": "08:00"}))
        .await;
    assert_eq!(
        errors(&answer),
        json!({"hour": ["El campo hour debe ser un objeto."]})
    );
}

#[tokio::test]
async fn a_department_without_calendar_shows_none() {
    let edge = Edge::new();
    let body = json!({"company": 3, "department_name": "Soporte"});
    let answer = edge
        .json("POST", "/api/admin/departments/store", &body)
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["data"]["hour"], Value::Null);
    let body = json!({"company": 4, "department_name": "Soporte"});
    let answer = edge
        .json("POST", "/api/admin/departments/store", &body)
        .await;
    assert_eq!(
        errors(&answer),
        json!({"company": ["La empresa indicada no existe."]})
    );
    let body = json!({"company": 3, "department_name": "Sop"});
    let answer = edge
        .json("POST", "/api/admin/departments/store", &body)
        .await;
    assert_eq!(
        errors(&answer),
        json!({"department_name": ["El campo department_name debe tener al menos 5 caracteres."]})
    );
}

#[tokio::test]
async fn pages_of_departments_need_a_length_only_when_they_are_asked_for() {
    let edge = Edge::new();
    let path = "/api/admin/departments/list";
    for (body, status) in [
        (json!({}), 200),
        (json!({"paginate": "N"}), 200),
        (json!({"paginate": "S"}), 422),
        (json!({"paginate": "S", "quantity_x_page": "7"}), 200),
        (json!({"paginate": "S", "quantity_x_page": 101}), 422),
        (json!({"paginate": "\"S\"", "quantity_x_page": 7}), 422),
        (json!({"filters": {"id_company": "x"}}), 422),
        (json!({"filters": "x"}), 422),
        (json!({"filters": []}), 200),
    ] {
        let answer = edge.json("POST", path, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn both_spellings_of_departments_are_read() {
    let edge = Edge::new();
    for field in ["departament", "department"] {
        let body = json!({"company": 3, "replay": "Hola", field: ["0", 7]});
        let answer = edge.json("POST", "/api/admin/faqs/store", &body).await;
        assert_eq!(
            answer.json()["data"]["departament"],
            json!(["0", "7"]),
            "{field}"
        );
        let body = json!({"id_faq": 5, field: ["8"]});
        let answer = edge.json("PATCH", "/api/admin/faqs/update", &body).await;
        assert_eq!(answer.json()["data"]["department"], json!(["8"]), "{field}");
        for wrong in [
            json!("7"),
            json!({"a": 7}),
            json!(["x"]),
            json!([-1]),
            json!([[7]]),
        ] {
            let body = json!({"id_faq": 5, field: wrong});
            let answer = edge.json("PATCH", "/api/admin/faqs/update", &body).await;
            let sentence = format!("El campo {field} debe ser una lista de identificadores.");
            assert_eq!(errors(&answer), json!({field: [sentence]}), "{wrong}");
        }
    }
    let form = "company=3&replay=Hola&departament[]=0&departament[]=7";
    let asked = request("POST", "/api/admin/faqs/store")
        .client()
        .body("application/x-www-form-urlencoded", form);
    let answer = edge.send(asked.build()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let body = json!({"company": 3, "replay": "Hola", "departament": ["9"]});
    let answer = edge.json("POST", "/api/admin/faqs/store", &body).await;
    assert_eq!(
        errors(&answer),
        json!({"departament": ["Un departamento indicado no es de la empresa."]})
    );
}

#[tokio::test]
async fn prices_are_not_negative() {
    let edge = Edge::new();
    let body = json!({
        "name": "Basico", "total_dau": "-1", "price_additional_dau": -0.05, "no_dau": "-0",
        "plan_price": 1e300, "price_api": -1, "price_messenger": 0.5, "price_telegram": "0",
        "max_users": -1,
    });
    let answer = edge.json("POST", "/api/admin/plans/store", &body).await;
    let told = errors(&answer);
    let told: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(
        told,
        [
            "total_dau",
            "price_additional_dau",
            "plan_price",
            "price_api",
            "price_messenger",
            "max_users"
        ]
    );
}

#[tokio::test]
async fn whoever_may_not_is_told_so_on_every_route() {
    let edge = Edge::new();
    edge.world
        .fail(refusal(chassis::ErrorCode::PermissionDenied, "FORBIDDEN"));
    for (method, path, body) in [
        ("POST", "/api/admin/clients/list", json!({})),
        ("POST", "/api/admin/clients/store", new_company()),
        ("PATCH", "/api/admin/clients/update", json!({"id": 10})),
        (
            "POST",
            "/api/admin/clients/search",
            json!({"id_company": 10}),
        ),
        (
            "PATCH",
            "/api/admin/departments/update-status",
            json!({"id_department": 7, "status": 1}),
        ),
        (
            "PATCH",
            "/api/admin/faqs/update-status",
            json!({"id_faq": 5, "status": 1}),
        ),
        (
            "PATCH",
            "/api/admin/plans/update-status",
            json!({"id_plan": 4, "state": 1}),
        ),
        ("POST", "/api/company/index", json!({})),
        ("DELETE", "/api/company/delete/10", json!({})),
    ] {
        let answer = edge.json(method, path, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(answer.json()["message"], "No autorizado.");
        assert_eq!(answer.json()["data"], json!([]));
    }
}
