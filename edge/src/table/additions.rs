//! The operations that the documents lack and that the system cannot do without:
//! the verification of webhooks, the authorization of sockets, the enrolment of
//! PINs, the keys of tokens,
//! the probes.

use super::{
    Audit, Credentials as Who, Envelope as Shape, Family, Operation, Rate, Verb, WEBHOOK_BODY,
};

const fn row(verb: Verb, path: &'static str, who: Who, family: Family) -> Operation {
    Operation::new(verb, path, who, family).addition()
}

const fn verification(path: &'static str) -> Operation {
    row(Verb::Get, path, Who::Public, Family::Failed)
        .answers(Shape::Bare)
        .rate(Rate::Webhook)
}

/// Echo of Laravel asks by GET or by POST.
const fn socket(verb: Verb, path: &'static str) -> Operation {
    row(verb, path, Who::Bearer, Family::Native)
        .answers(Shape::Bare)
        .audit(Audit::Read)
}

/// Changes and shows who may log in by PIN.
const fn pin(verb: Verb, path: &'static str) -> Operation {
    row(verb, path, Who::ClientAndUser, Family::Failed).audit(Audit::Security)
}

const fn probe(path: &'static str) -> Operation {
    row(Verb::Get, path, Who::Public, Family::Failed)
        .answers(Shape::Bare)
        .rate(Rate::Unlimited)
        .audit(Audit::Nothing)
}

/// The rows.
pub static OPERATIONS: &[Operation] = &[
    verification("/api/meta/readMessagesWAP"),
    verification("/api/meta/readMessagesWAP/{uuid}"),
    row(
        Verb::Post,
        "/api/meta/readMessagesWAP/{uuid}",
        Who::Public,
        Family::Failed,
    )
    .raw()
    .body(WEBHOOK_BODY)
    .rate(Rate::Webhook),
    socket(Verb::Get, "/broadcasting/auth"),
    socket(Verb::Post, "/broadcasting/auth"),
    socket(Verb::Get, "/api/broadcasting/auth"),
    socket(Verb::Post, "/api/broadcasting/auth"),
    socket(Verb::Get, "/broadcasting/user-auth"),
    socket(Verb::Post, "/broadcasting/user-auth"),
    socket(Verb::Get, "/api/broadcasting/user-auth"),
    socket(Verb::Post, "/api/broadcasting/user-auth"),
    row(
        Verb::Get,
        "/.well-known/jwks.json",
        Who::Public,
        Family::Failed,
    )
    .answers(Shape::Bare)
    .audit(Audit::Nothing),
    pin(Verb::Post, "/api/auth/pin/enrol").repeatable(),
    pin(Verb::Post, "/api/auth/pin/remove"),
    pin(Verb::Get, "/api/auth/pin/devices"),
    probe("/healthz"),
    probe("/readyz"),
];
