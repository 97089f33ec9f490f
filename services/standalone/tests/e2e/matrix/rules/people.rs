//! Users, their pictures, the ways in, sessions and PINs.

use auth::Authority;
use serde_json::json;

use super::{
    ADMINS, ALL,
    About::{Account, List, Person, Plain, Thing},
    Prepared,
    Reach::{self, Company, Everybody, Themselves},
    Rule, body, fresh, marks, nothing, path, rule,
};
use crate::matrix::{
    callers::Caller,
    things::{PASSWORD, PICTURE},
};

const OWN: [Reach; 3] = [Everybody, Everybody, Themselves];

/// The address that most ask about, and another one for front ends: only three links
/// an hour are made for one.
fn one_of<'a>(caller: &Caller, of_most: &'a str, of_front_ends: &'a str) -> &'a str {
    match caller.client {
        Some((Authority::Delegated, _)) => of_front_ends,
        _ => of_most,
    }
}

/// The rows.
pub fn rules() -> Vec<Rule> {
    let mut rules = users();
    rules.extend(pictures());
    rules.extend(ways_in());
    rules.extend(sessions());
    rules
}

fn users() -> Vec<Rule> {
    vec![
        rule(
            "POST /api/users/store",
            ADMINS,
            Thing(422),
            |things, _, _| {
                body(json!({
                    "name": "Nuevo", "email": format!("nuevo{}@atencion.test", fresh()),
                    "type": "3", "password": PASSWORD, "password_confirmation": PASSWORD,
                    "company": things.company, "department": things.department, "state": "1",
                }))
            },
        ),
        rule(
            "POST /api/users/list",
            ADMINS,
            List(marks::user),
            |_, _, _| body(json!({"paginate": "N"})),
        ),
        rule(
            "GET /api/users/show/{id}",
            OWN,
            Person(404),
            |things, _, _| path("{id}", &things.user, json!({})),
        ),
        rule(
            "PATCH /api/users/update/{id}",
            OWN,
            Person(404),
            |things, _, _| {
                path(
                    "{id}",
                    &things.user,
                    json!({"name": format!("Colega {}", fresh())}),
                )
            },
        ),
        rule(
            "GET /api/users/analizeUsersCompany",
            ADMINS,
            Plain,
            |_, _, _| nothing(),
        ),
        rule(
            "PATCH /api/users/status/{id?}",
            ADMINS,
            Person(404),
            |things, _, _| {
                path(
                    "{id}",
                    &things.user,
                    json!({"id_user": things.user, "status": 1}),
                )
            },
        ),
    ]
}

fn pictures() -> Vec<Rule> {
    vec![
        rule(
            "PATCH /api/users/uploadUserPic/{id}",
            OWN,
            Person(404),
            |things, _, _| path("{id}", &things.user, json!({"pic": PICTURE})),
        ),
        rule(
            "GET /api/users/showUserPic/{id}",
            ALL,
            Person(404),
            |things, _, _| path("{id}", &things.user, json!({"mode": "meta"})),
        )
        .after(Prepared::Picture),
        rule(
            "DELETE /api/users/deleteUserPic/{id}",
            OWN,
            Person(404),
            |things, _, _| path("{id}", &things.user, json!({})),
        )
        .after(Prepared::Picture),
    ]
}

fn ways_in() -> Vec<Rule> {
    vec![
        rule("POST /api/auth/login", ALL, Account(401), |things, _, _| {
            body(json!({"email": things.account, "password": PASSWORD}))
        }),
        rule(
            "POST /api/auth/login/pin",
            ALL,
            Account(401),
            |things, _, _| body(json!({"email": things.account, "pin": "482915", "device_id": 99})),
        ),
        rule(
            "POST /api/auth/password/forgot",
            ALL,
            Account(404),
            |things, caller, _| {
                body(json!({"email": one_of(caller, things.account, &things.others[0])}))
            },
        ),
        rule(
            "POST /api/auth/password/reset",
            ALL,
            Account(422),
            |things, _, made| {
                body(json!({
                    "id": made, "token": "abc123", "email": things.user_email,
                    "password": "Nueva12345", "password_confirmation": "Nueva12345",
                }))
            },
        )
        .after(Prepared::Link("")),
        rule(
            "POST /api/SSO/password/forgot",
            ALL,
            Account(200),
            |things, caller, _| {
                body(
                    json!({"product": "atencion", "email": one_of(caller, &things.user_email, &things.others[1])}),
                )
            },
        ),
        rule(
            "POST /api/SSO/password/reset",
            ALL,
            Account(422),
            |_, _, made| {
                body(json!({
                    "product": "atencion", "id": made, "token": "abc123",
                    "password": "Nueva12345", "password_confirmation": "Nueva12345",
                }))
            },
        )
        .after(Prepared::Link("atencion")),
        rule("POST /api/SSO/access", ALL, Account(401), |things, _, _| {
            body(json!({
                "product": "atencion", "usuario": things.account, "password": PASSWORD,
                "modo": "normal",
            }))
        }),
    ]
}

fn sessions() -> Vec<Rule> {
    vec![
        rule("GET /api/auth/getRequestUserData", ALL, Plain, |_, _, _| {
            nothing()
        }),
        rule("GET /api/auth/refreshUserToken", ALL, Plain, |_, _, _| {
            nothing()
        })
        .ends_the_session(),
        rule("GET /api/SSO/refreshUserToken", ALL, Plain, |_, _, _| {
            body(json!({"product": "atencion"}))
        })
        .ends_the_session(),
        rule("DELETE /api/auth/logout", ALL, Plain, |_, _, _| nothing()).ends_the_session(),
        rule("POST /api/auth/pin/enrol", ALL, Plain, |_, caller, _| {
            body(json!({"device_id": caller.device, "pin": "482915", "name": "Prueba"}))
        })
        .ends_the_session(),
        rule("GET /api/auth/pin/devices", ALL, Plain, |_, _, _| nothing()),
        rule("POST /api/auth/pin/remove", ALL, Plain, |_, caller, _| {
            body(json!({"device_id": caller.device}))
        }),
        rule(
            "GET /api/guest/get_token_by_phone/{phone}",
            [Company, Company, Company],
            Thing(400),
            |things, _, _| path("{phone}", &things.phone, json!({})),
        ),
        rule("POST /api/guest/store", ALL, Plain, |_, _, _| {
            let phone = format!("506700{:05}", fresh());
            body(json!({"name": "Otro invitado", "phone": phone}))
        }),
    ]
}
