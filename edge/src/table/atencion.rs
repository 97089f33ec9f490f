//! The operations of the customer care document.

use super::{
    Audit, Credentials as Who, Envelope as Shape, FILE_BODY, Family, Operation, PICTURE_BODY, Rate,
    Verb, WEBHOOK_BODY,
};

const fn get(path: &'static str, who: Who, family: Family) -> Operation {
    Operation::new(Verb::Get, path, who, family)
}

const fn post(path: &'static str, who: Who, family: Family) -> Operation {
    Operation::new(Verb::Post, path, who, family)
}

/// A read that takes its filters by POST.
const fn read(path: &'static str, who: Who, family: Family) -> Operation {
    post(path, who, family).audit(Audit::Read)
}

const fn patch(path: &'static str, family: Family) -> Operation {
    Operation::new(Verb::Patch, path, Who::Client, family)
}

const fn delete(path: &'static str, who: Who, family: Family) -> Operation {
    Operation::new(Verb::Delete, path, who, family)
}

const fn broadcast(path: &'static str) -> Operation {
    post(path, Who::ClientAndUser, Family::Native)
        .answers(Shape::Broadcast)
        .repeatable()
}

const fn webhook(path: &'static str) -> Operation {
    post(path, Who::Public, Family::Failed)
        .raw()
        .body(WEBHOOK_BODY)
        .rate(Rate::Webhook)
}

/// The rows, in the order of the document.
pub static OPERATIONS: &[Operation] = &[
    broadcast("/api/broadcast/public-message"),
    broadcast("/api/broadcast/private-notification"),
    get(
        "/api/broadcast/channels-info",
        Who::ClientAndUser,
        Family::Native,
    )
    .answers(Shape::Bare),
    broadcast("/api/broadcast/sendPresenceChannel"),
    broadcast("/api/broadcast/userPresenceChannelTyping"),
    broadcast("/api/broadcast/publicCustomer-message"),
    broadcast("/api/broadcast/privateCustomer-notification"),
    broadcast("/api/broadcast/sendCustomerPresenceChannel"),
    broadcast("/api/broadcast/userPresenceCustomerChannelTyping"),
    broadcast("/api/broadcast/sendPresenceWAPChannel"),
    read("/api/chat/list", Who::ClientAndUser, Family::Failed).answers(Shape::Success),
    read(
        "/api/chat/listChatUsers",
        Who::ClientAndUser,
        Family::Failed,
    )
    .answers(Shape::Success),
    read(
        "/api/chat/getChatMessages",
        Who::ClientAndUser,
        Family::Failed,
    )
    .answers(Shape::Success),
    read("/api/chat/getChatUsers", Who::ClientAndUser, Family::Failed).answers(Shape::Success),
    post(
        "/api/chat/sendChatMessage",
        Who::ClientAndUser,
        Family::Failed,
    )
    .repeatable(),
    post(
        "/api/chat/markAsReadMessage",
        Who::ClientAndUser,
        Family::Failed,
    ),
    read("/api/correo/getConfigCorreos", Who::Legacy, Family::Failed).audit(Audit::Security),
    read("/api/deptos/index", Who::Legacy, Family::Errors).answers(Shape::Success),
    get("/api/deptos/show/{id}", Who::Legacy, Family::Errors),
    read("/api/company/index", Who::Legacy, Family::Errors).answers(Shape::Success),
    get("/api/company/show/{id}", Who::Legacy, Family::Errors),
    delete("/api/company/delete/{id}", Who::Legacy, Family::Errors),
    read("/api/plan/index", Who::Legacy, Family::Failed).answers(Shape::Success),
    post("/api/guest/store", Who::SignIn, Family::Native).repeatable(),
    get(
        "/api/guest/get_token_by_phone/{phone}",
        Who::ClientAndUser,
        Family::Failed,
    )
    .rate(Rate::Guessable)
    .audit(Audit::Security),
    post(
        "/api/meta/sendMessagesWAP",
        Who::ClientAndUser,
        Family::Failed,
    )
    .repeatable()
    .body(FILE_BODY),
    get(
        "/api/meta/getChannelSettingsList",
        Who::ClientAndUser,
        Family::Failed,
    ),
    webhook("/api/meta/readMessagesWAP"),
    get("/api/meta/getMediaFile", Who::Public, Family::Failed).answers(Shape::Bare),
    read("/api/admin/channels/list", Who::Client, Family::Errors),
    post("/api/admin/channels/store", Who::Client, Family::Errors).repeatable(),
    patch("/api/admin/channels/update", Family::Parameters),
    get("/api/admin/channels/show", Who::Client, Family::Errors),
    patch("/api/admin/channels/update-status", Family::Errors),
    read("/api/admin/clients/list", Who::Client, Family::Errors).answers(Shape::Success),
    post("/api/admin/clients/store", Who::Client, Family::Errors).repeatable(),
    patch("/api/admin/clients/update", Family::Errors),
    read("/api/admin/clients/search", Who::Client, Family::Errors),
    read("/api/admin/departments/list", Who::Client, Family::Errors).answers(Shape::Success),
    post("/api/admin/departments/store", Who::Client, Family::Failed).repeatable(),
    patch("/api/admin/departments/update", Family::Failed),
    patch("/api/admin/departments/update-status", Family::Failed),
    read("/api/admin/departments/search", Who::Client, Family::Errors),
    read("/api/admin/faqs/list", Who::Client, Family::Failed).answers(Shape::Success),
    post("/api/admin/faqs/store", Who::Client, Family::Failed).repeatable(),
    patch("/api/admin/faqs/update", Family::Failed),
    patch("/api/admin/faqs/update-status", Family::Failed),
    read("/api/admin/faqs/search", Who::Client, Family::Failed),
    read("/api/admin/plans/list", Who::Client, Family::Failed),
    post("/api/admin/plans/store", Who::Client, Family::Errors).repeatable(),
    patch("/api/admin/plans/update-status", Family::Errors),
    post("/api/users/store", Who::Client, Family::Failed)
        .repeatable()
        .body(PICTURE_BODY)
        .audit(Audit::Security),
    read("/api/users/list", Who::Client, Family::Failed).answers(Shape::Success),
    get("/api/users/show/{id}", Who::Client, Family::Failed),
    patch("/api/users/update/{id}", Family::Failed).audit(Audit::Security),
    get(
        "/api/users/analizeUsersCompany",
        Who::Client,
        Family::Failed,
    ),
    patch("/api/users/status/{id?}", Family::Failed).audit(Audit::Security),
    patch("/api/users/uploadUserPic/{id}", Family::Failed).body(PICTURE_BODY),
    get("/api/users/showUserPic/{id}", Who::Client, Family::Failed),
    delete("/api/users/deleteUserPic/{id}", Who::Client, Family::Failed),
    post("/api/auth/login", Who::SignIn, Family::Failed)
        .rate(Rate::SignIn)
        .audit(Audit::Security),
    post("/api/auth/login/pin", Who::SignIn, Family::Failed)
        .rate(Rate::SignIn)
        .audit(Audit::Security),
    post("/api/auth/password/forgot", Who::SignIn, Family::Failed)
        .repeatable()
        .rate(Rate::Guessable)
        .audit(Audit::Security),
    post("/api/auth/password/reset", Who::SignIn, Family::Failed)
        .rate(Rate::Guessable)
        .audit(Audit::Security),
    get(
        "/api/auth/getRequestUserData",
        Who::ClientAndUser,
        Family::Failed,
    ),
    get(
        "/api/auth/refreshUserToken",
        Who::ClientAndUser,
        Family::Failed,
    )
    .audit(Audit::Security),
    delete("/api/auth/logout", Who::ClientAndUser, Family::Failed).audit(Audit::Security),
    post(
        "/api/telegram/sendTelegramMessage",
        Who::ClientAndUser,
        Family::Failed,
    )
    .repeatable()
    .answers(Shape::Telegram),
    post(
        "/api/telegram/readTelegramMessages",
        Who::ClientAndUser,
        Family::Failed,
    )
    .answers(Shape::Telegram),
    post(
        "/api/telegram/setWebhook",
        Who::ClientAndUser,
        Family::Failed,
    )
    .repeatable()
    .answers(Shape::Telegram),
    webhook("/api/telegram/receive/{idChannel}").answers(Shape::Bare),
    get("/api/telegram/getMediaFile", Who::Public, Family::Failed).answers(Shape::Telegram),
];
