//! The older routes of departments, companies and plans.

use http::StatusCode;
use serde_json::json;

use crate::harness::Edge;

#[tokio::test]
async fn older_lists_take_the_flag_for_the_page() {
    let edge = Edge::new();
    for (path, rpc) in [
        ("/api/deptos/index", "ListDepartments"),
        ("/api/company/index", "ListCompanies"),
        ("/api/plan/index", "ListPlans"),
    ] {
        for (body, words) in [
            (json!({}), "page: 1, per_page: 10, unpaged: false"),
            (
                json!({"page": "S", "page_number": "2", "quantity_x_page": 13}),
                "page: 2, per_page: 13",
            ),
            (json!({"page": 3}), "page: 3, per_page: 10, unpaged: false"),
            (json!({"page": "N"}), "unpaged: true"),
        ] {
            let answer = edge.json("POST", path, &body).await;
            assert_eq!(
                answer.status,
                StatusCode::OK,
                "{path} {body}: {}",
                answer.text
            );
            assert_eq!(answer.json()["message"], "Operacion exitosa");
            let (_, asked) = edge.world.last(rpc);
            assert!(asked.contains(words), "{asked}");
        }
        let answer = edge.json("POST", path, &json!({"page": "X"})).await;
        assert_eq!(
            answer.json()["data"]["errors"],
            json!({"page": ["El campo page debe ser \"S\" o \"N\"."]})
        );
    }
}

#[tokio::test]
async fn older_routes_of_one_thing_know_it_or_do_not_exist() {
    let edge = Edge::new();
    let ask = async |method: &str, path: &str| edge.json(method, path, &json!({})).await;
    let found = ask("GET", "/api/company/show/10").await;
    assert_eq!(found.json()["data"]["id_client"], 10);
    let found = ask("GET", "/api/deptos/show/7").await;
    assert_eq!(found.json()["data"]["id_department"], 7);
    let gone = ask("DELETE", "/api/company/delete/10").await;
    assert_eq!(
        gone.json(),
        json!({"data": [], "status": "ok", "message": "Cliente eliminado correctamente.",
               "code": 200, "id_bitacora_log": gone.json()["id_bitacora_log"]})
    );
    for (method, path) in [
        ("GET", "/api/company/show/11"),
        ("GET", "/api/company/show/+10"),
        ("GET", "/api/company/show/10x"),
        ("GET", "/api/company/show/-1"),
        ("GET", "/api/company/show/99999999999999999999"),
        ("GET", "/api/deptos/show/8"),
        ("DELETE", "/api/company/delete/11"),
        ("DELETE", "/api/company/delete/0"),
    ] {
        let answer = ask(method, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.text, r#"{"error":"Not Found","code":404}"#);
    }
}
