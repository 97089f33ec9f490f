//! Companies, plans, departments, FAQs and channels.

use serde_json::json;

use super::{
    ADMINS, ALL,
    About::{Filtered, List, Plain, Thing},
    Prepared, Rule, SUPER, body, fresh, marks, path, rule,
};

/// The rows.
pub fn rules() -> Vec<Rule> {
    let mut rules = vec![
        rule(
            "POST /api/admin/clients/list",
            SUPER,
            List(marks::company),
            |_, _, _| body(json!({"paginate": "N"})),
        ),
        rule(
            "POST /api/company/index",
            SUPER,
            List(marks::company),
            |_, _, _| body(json!({"page": "N", "quantity_x_page": 7})),
        ),
        rule("POST /api/admin/clients/store", SUPER, Plain, |_, _, _| {
            let number = fresh();
            body(json!({
                "name": "Nueva", "email": format!("nueva{number}@otra.test"), "id_plan": 3,
                "balance": "0", "pay_day": "2026-12-15", "user_name": "Administrador",
                "user_email": format!("admin{number}@nueva.test"), "password": "Secret123",
            }))
        }),
        rule(
            "PATCH /api/admin/clients/update",
            SUPER,
            Thing(404),
            |things, _, _| body(json!({"id": things.company, "balance": fresh().to_string()})),
        ),
        rule(
            "POST /api/admin/clients/search",
            ADMINS,
            Thing(404),
            |things, _, _| body(json!({"id_company": things.company})),
        ),
        rule(
            "GET /api/company/show/{id}",
            ADMINS,
            Thing(404),
            |things, _, _| path("{id}", &things.company, json!({})),
        ),
        rule(
            "DELETE /api/company/delete/{id}",
            SUPER,
            Plain,
            |things, _, made| {
                let doomed = if made.is_empty() {
                    things.company.to_string()
                } else {
                    made.to_owned()
                };
                path("{id}", &doomed, json!({}))
            },
        )
        .after(Prepared::Company),
        rule("POST /api/admin/plans/list", ADMINS, Plain, |_, _, _| {
            body(json!({"paginate": "N"}))
        }),
        rule("POST /api/plan/index", ADMINS, Plain, |_, _, _| {
            body(json!({"page": "N", "quantity_x_page": 6}))
        }),
        rule("POST /api/admin/plans/store", SUPER, Plain, |_, _, _| {
            body(json!({
                "name": format!("Plan {}", fresh()), "total_dau": "1000",
                "price_additional_dau": "0.05", "no_dau": "500", "plan_price": "49.9",
                "price_api": 0, "price_messenger": 0, "price_telegram": 0, "max_users": 20,
                "price_chatbot": 0, "price_whatsapp": 10, "price_agent": 15,
            }))
        }),
        rule(
            "PATCH /api/admin/plans/update-status",
            SUPER,
            Plain,
            |_, _, _| body(json!({"id_plan": 1, "state": fresh() % 2})),
        ),
    ];
    rules.extend(departments());
    rules.extend(faqs());
    rules.extend(channels());
    rules
}

fn departments() -> Vec<Rule> {
    vec![
        rule(
            "POST /api/admin/departments/list",
            ALL,
            List(marks::department),
            |_, _, _| body(json!({"paginate": "N", "quantity_x_page": 10})),
        ),
        rule(
            "POST /api/deptos/index",
            ALL,
            List(marks::department),
            |_, _, _| body(json!({"page": "N", "quantity_x_page": 13})),
        ),
        rule(
            "POST /api/admin/departments/search",
            ALL,
            Thing(404),
            |things, _, _| body(json!({"id_department": things.department})),
        ),
        rule(
            "GET /api/deptos/show/{id}",
            ALL,
            Thing(404),
            |things, _, _| path("{id}", &things.department, json!({})),
        ),
        rule(
            "POST /api/admin/departments/store",
            ADMINS,
            Thing(422),
            |things, _, _| {
                let name = format!("Depto {}", fresh());
                body(json!({"company": things.company, "department_name": name}))
            },
        ),
        rule(
            "PATCH /api/admin/departments/update",
            ADMINS,
            Thing(404),
            |things, _, _| {
                let name = format!("Depto {}", fresh());
                body(json!({"id_department": things.department, "department_name": name}))
            },
        ),
        rule(
            "PATCH /api/admin/departments/update-status",
            ADMINS,
            Thing(404),
            |things, _, _| body(json!({"id_department": things.department, "status": 1})),
        ),
    ]
}

fn faqs() -> Vec<Rule> {
    vec![
        rule(
            "POST /api/admin/faqs/list",
            ALL,
            List(marks::faq),
            |_, _, _| body(json!({"paginate": "N"})),
        ),
        rule(
            "POST /api/admin/faqs/search",
            ALL,
            Thing(404),
            |things, _, _| body(json!({"id_faq": things.faq})),
        ),
        rule(
            "POST /api/admin/faqs/store",
            ADMINS,
            Thing(422),
            |things, _, _| {
                body(json!({"company": things.company, "replay": "Hola", "departament": ["0"]}))
            },
        ),
        rule(
            "PATCH /api/admin/faqs/update",
            ADMINS,
            Thing(404),
            |things, _, _| {
                body(json!({"id_faq": things.faq, "replay": format!("Hola {}", fresh())}))
            },
        ),
        rule(
            "PATCH /api/admin/faqs/update-status",
            ADMINS,
            Thing(404),
            |things, _, _| body(json!({"id_faq": things.faq, "status": 1})),
        ),
    ]
}

fn channels() -> Vec<Rule> {
    vec![
        rule(
            "POST /api/admin/channels/list",
            ALL,
            Filtered(marks::channel),
            |things, _, _| body(json!({"id_company": things.company, "paginate": "N"})),
        ),
        rule(
            "GET /api/admin/channels/show",
            ALL,
            Thing(404),
            |things, _, _| {
                body(
                    json!({"id_company": things.company, "id_channel": things.channel, "type_channel": "whatsappfb"}),
                )
            },
        ),
        rule(
            "POST /api/admin/channels/store",
            ADMINS,
            Thing(422),
            |things, _, _| {
                let number = fresh();
                body(json!({
                    "id_company": things.company, "name": format!("Otro {number}"),
                    "app": format!("30000000000{number}"), "type": "whatsappfb", "token": "t",
                }))
            },
        ),
        rule(
            "PATCH /api/admin/channels/update",
            ADMINS,
            Thing(404),
            |things, _, _| {
                body(json!({
                    "id_company": things.company, "id_channel": things.channel,
                    "additional_app_id": format!("waba-{}", fresh()),
                }))
            },
        ),
        rule(
            "PATCH /api/admin/channels/update-status",
            ADMINS,
            Thing(404),
            |things, _, _| body(json!({"id_channel": things.channel, "channel_status": 1})),
        ),
    ]
}
