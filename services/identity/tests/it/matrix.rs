//! The table of rights, walked: every action, everybody who may call, everybody
//! whom it may be about.

use auth::{Caller, CompanyId, Role, UserId};
use chassis::{ErrorCode, code::Refusal};
use identity::access::{Action, PRINCIPALS, Principal, RULES, Reach};
use proto::identity::v1::{
    self as pb, CountUsersRequest, CreateUserRequest, DeleteUserPictureRequest,
    GetUserPictureRequest, GetUserRequest, ListUsersRequest, UpdateUserRequest,
    UpdateUserStatusRequest, get_user_request::Selector,
};
use sqlx::PgPool;

use crate::{
    people::{
        NEW_PASSWORD, acting, ana, bound, delegated, know_companies, platform, signed_in, through,
    },
    rig::{Rig, answer, bound_client},
};

/// What comes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// The user does not exist for the caller.
    Hidden,
    Denied,
    /// The company does not exist for the caller.
    WrongCompany,
}

struct Target {
    id: i64,
    company: i64,
    role: Role,
}

/// Somebody who calls, and what the table knows them as.
struct Somebody {
    name: &'static str,
    caller: Caller,
    principal: Option<Principal>,
}

const TARGETS: [Target; 6] = [
    Target {
        id: 1,
        company: 3,
        role: Role::Super,
    },
    Target {
        id: 2,
        company: 3,
        role: Role::Admin,
    },
    Target {
        id: 7,
        company: 3,
        role: Role::Chat,
    },
    Target {
        id: 15,
        company: 3,
        role: Role::Admin,
    },
    Target {
        id: 20,
        company: 3,
        role: Role::Chat,
    },
    Target {
        id: 16,
        company: 4,
        role: Role::Admin,
    },
];

async fn everybody(rig: &Rig) -> Vec<Somebody> {
    let somebody = |name, caller, principal| Somebody {
        name,
        caller,
        principal,
    };
    let root = signed_in(rig, "super@atencion.test").await;
    let admin = signed_in(rig, "admin@atencion.test").await;
    vec![
        somebody("platform client", platform(), Some(Principal::Super)),
        somebody(
            "super user",
            acting(rig, "super@atencion.test").await,
            Some(Principal::Super),
        ),
        somebody("company client", bound(), Some(Principal::Admin)),
        somebody(
            "super user through the company's client",
            through(bound_client(), Some(root)),
            Some(Principal::Admin),
        ),
        somebody(
            "admin",
            acting(rig, "admin@atencion.test").await,
            Some(Principal::Admin),
        ),
        somebody(
            "admin through a delegated client",
            through(delegated(), Some(admin)),
            Some(Principal::Admin),
        ),
        somebody(
            "agent",
            acting(rig, "agente1@atencion.test").await,
            Some(Principal::Chat),
        ),
        somebody(
            "tenancy-admin",
            Caller::service("tenancy-admin"),
            Some(Principal::Tenancy),
        ),
        somebody(
            "mail-ticket",
            Caller::service("mail-ticket"),
            Some(Principal::Service),
        ),
        somebody("delegated client alone", through(delegated(), None), None),
        somebody("edge alone", Caller::service("edge"), None),
    ]
}

/// What a row of the table says about a target.
fn said(who: &Somebody, action: Action, target: &Target) -> Outcome {
    let reach = who
        .principal
        .map_or(Reach::Nobody, |principal| principal.reach(action));
    let own = who
        .caller
        .user
        .as_ref()
        .is_some_and(|user| user.id == UserId(target.id));
    let near = who.caller.scope().contains(CompanyId(target.company));
    match reach {
        Reach::Nobody => Outcome::Denied,
        _ if !near => Outcome::Hidden,
        Reach::Themselves if !own => Outcome::Hidden,
        Reach::Staff if target.role == Role::Super => Outcome::Denied,
        _ => Outcome::Done,
    }
}

/// What has to come of a call: the table, and the rules that it does not hold.
fn wanted(who: &Somebody, action: Action, target: &Target) -> Outcome {
    let said = said(who, action, target);
    let own = who
        .caller
        .user
        .as_ref()
        .is_some_and(|user| user.id == UserId(target.id));
    match action {
        Action::List | Action::Count if said == Outcome::Hidden => Outcome::Done,
        Action::Create if said == Outcome::Hidden => Outcome::WrongCompany,
        Action::Switch if own && said == Outcome::Done => Outcome::Denied,
        Action::ChangeCode
        | Action::ChangeName
        | Action::ChangeEmail
        | Action::ChangePhone
        | Action::ChangePassword
        | Action::ChangeRole
        | Action::ChangeOnline
        | Action::ChangeCompany
        | Action::ChangeDepartment => match self::said(who, Action::Change, target) {
            Outcome::Done => said,
            other => other,
        },
        _ => said,
    }
}

fn outcome<T>(answer: Result<T, Refusal>) -> Outcome {
    let Err(refusal) = answer else {
        return Outcome::Done;
    };
    match (refusal.code, refusal.reason.as_str()) {
        // The user was seen, and has no picture.
        (ErrorCode::NotFound, "PICTURE") => Outcome::Done,
        (ErrorCode::NotFound, "USER") => Outcome::Hidden,
        (ErrorCode::PermissionDenied, _) => Outcome::Denied,
        (ErrorCode::InvalidInput, _) if refusal.fields[0].0 == "company" => Outcome::WrongCompany,
        other => panic!("{other:?}: {refusal:?}"),
    }
}

fn wire(role: Role) -> pb::Role {
    pb::Role::try_from(i32::from(role.number())).unwrap()
}

/// A change of the field that the action names.
fn change(action: Action, target: &Target) -> UpdateUserRequest {
    let mut request = UpdateUserRequest {
        user_id: target.id,
        ..UpdateUserRequest::default()
    };
    match action {
        Action::ChangeCode => request.code = Some("other".to_owned()),
        Action::ChangeName => request.name = Some("Other".to_owned()),
        Action::ChangeEmail => request.email = Some("other@empresa.com".to_owned()),
        Action::ChangePhone => request.phone = Some("2222".to_owned()),
        Action::ChangePassword => request.password = Some(NEW_PASSWORD.to_owned()),
        Action::ChangeRole => {
            let other = if target.role == Role::Chat {
                Role::Admin
            } else {
                Role::Chat
            };
            request.role = Some(wire(other).into());
        }
        Action::ChangeOnline => request.online = Some(true),
        Action::ChangeCompany => {
            let (company, department) = if target.company == 3 { (4, 9) } else { (3, 8) };
            request.company_id = Some(company);
            request.department_id = Some(department);
        }
        Action::ChangeDepartment => {
            request.department_id = Some(if target.company == 3 { 8 } else { 9 });
        }
        _ => {}
    }
    request
}

async fn call(rig: &Rig, who: &Somebody, action: Action, target: &Target) -> Outcome {
    let call = rig.call(&who.caller);
    let mut users = rig.users();
    let user_id = target.id;
    match action {
        Action::List => {
            let listed = answer(
                users
                    .list_users(call.request(ListUsersRequest::default()))
                    .await,
            );
            if let Ok(listed) = &listed {
                let scope = who.caller.scope();
                let seen: Vec<i64> = listed.users.iter().map(|user| user.user_id).collect();
                let near = TARGETS
                    .iter()
                    .filter(|user| scope.contains(CompanyId(user.company)));
                assert!(near.clone().all(|user| seen.contains(&user.id)), "{seen:?}");
                assert!(
                    listed
                        .users
                        .iter()
                        .all(|user| scope.contains(CompanyId(user.company_id)))
                );
            }
            outcome(listed)
        }
        Action::Count => {
            let company_id = target.company;
            let request = call.request(CountUsersRequest { company_id });
            let counted = answer(users.count_users(request).await);
            if let Ok(counted) = &counted {
                let near = who.caller.scope().contains(CompanyId(company_id));
                assert_eq!(counted.total > 0, near);
            }
            outcome(counted)
        }
        Action::Show => {
            let selector = Some(Selector::UserId(user_id));
            outcome(answer(
                users
                    .get_user(call.request(GetUserRequest { selector }))
                    .await,
            ))
        }
        Action::Create => {
            let new = CreateUserRequest {
                role: wire(target.role).into(),
                company_id: target.company,
                department_id: if target.company == 3 { 7 } else { 9 },
                ..ana("new@empresa.com")
            };
            outcome(answer(users.create_user(call.request(new)).await))
        }
        Action::SeePicture => {
            let request = GetUserPictureRequest {
                user_id,
                info_only: true,
            };
            outcome(answer(users.get_user_picture(call.request(request)).await))
        }
        Action::ChangePicture => {
            let request = DeleteUserPictureRequest { user_id };
            outcome(answer(
                users.delete_user_picture(call.request(request)).await,
            ))
        }
        Action::Switch => {
            let request = UpdateUserStatusRequest {
                user_id,
                active: false,
            };
            outcome(answer(
                users.update_user_status(call.request(request)).await,
            ))
        }
        _ => {
            let request = call.request(change(action, target));
            outcome(answer(users.update_user(request).await))
        }
    }
}

#[sqlx::test(migrator = "identity::MIGRATOR")]
async fn everybody_may_do_exactly_what_the_table_says(pool: PgPool) {
    let rig = Rig::start(pool).await;
    know_companies(&rig.pool).await;
    sqlx::raw_sql(
        "INSERT INTO identity.users
             (user_id, company_id, department_id, role, name, email, password_phc,
              created_at, updated_at)
         SELECT 20, 3, 7, 3, 'Colega', 'colega@empresa.com', password_phc, created_at, updated_at
         FROM identity.users WHERE user_id = 7;
         SELECT setval(pg_get_serial_sequence('identity.users', 'user_id'), 100);
         CREATE TABLE public.at_first AS SELECT * FROM identity.users;",
    )
    .execute(&rig.pool)
    .await
    .unwrap();
    for who in everybody(&rig).await {
        assert_eq!(Principal::of(&who.caller), who.principal, "{}", who.name);
        for (action, _) in RULES {
            for target in &TARGETS {
                let wanted = wanted(&who, *action, target);
                let got = call(&rig, &who, *action, target).await;
                assert_eq!(
                    got, wanted,
                    "{}: {action:?} of user {}",
                    who.name, target.id
                );
                if got == Outcome::Done {
                    as_at_first(&rig.pool).await;
                } else {
                    assert!(is_as_at_first(&rig.pool).await, "{}: {action:?}", who.name);
                }
            }
        }
    }
}

/// Undoes what a call did.
async fn as_at_first(pool: &PgPool) {
    sqlx::raw_sql(
        "DELETE FROM identity.users WHERE user_id > 100;
         UPDATE identity.users u
         SET company_id = f.company_id, department_id = f.department_id, role = f.role,
             code = f.code, name = f.name, email = f.email, phone = f.phone, active = f.active,
             online = f.online, password_phc = f.password_phc, epoch = f.epoch,
             updated_at = f.updated_at
         FROM public.at_first f WHERE f.user_id = u.user_id;",
    )
    .execute(pool)
    .await
    .unwrap();
}

/// Says whether a call that was refused did nothing.
async fn is_as_at_first(pool: &PgPool) -> bool {
    sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT * FROM identity.users EXCEPT SELECT * FROM public.at_first)",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[test]
fn the_table_has_every_row_once() {
    for (action, _) in RULES {
        let rows = RULES.iter().filter(|(other, _)| other == action).count();
        assert_eq!(rows, 1, "{action:?}");
    }
    assert!(
        PRINCIPALS
            .iter()
            .all(|who| !who.gives(Role::Super) || *who == Principal::Super)
    );
}
