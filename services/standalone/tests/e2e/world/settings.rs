//! The settings of all processes, as an operator would write them.

use std::fs;

use super::{META_SECRET, Mode, SERVICES, World};

impl World {
    /// One file for all processes, as an operator would write it.
    pub(super) fn write_settings(&self, more: &str) {
        let (edge_key, edge_public) = auth::generate("edge-1").unwrap();
        let (identity_key, identity_public) = auth::generate("identity-1").unwrap();
        let redis = match (self.mode, &self.redis) {
            (Mode::Together, _) => String::new(),
            (_, Some(own)) => own.url(),
            (_, None) => testing::redis_url(),
        };
        let port = |name: &str| self.ports[name];
        let key = "a2V5LW9mLTMyLWJ5dGVzLWZvci10aGUtdGVzdHMhISE=";
        let service_secrets: Vec<String> = SERVICES[..6]
            .iter()
            .map(|service| format!("{service} = \"secret-of-{service}\""))
            .collect();
        let service_secrets = service_secrets.join(
            "
",
        );
        let settings = format!(
            r#"
            [process]
            http_listen = "127.0.0.1:{http}"
            grace_seconds = 5

            [log]
            filter = "info,sqlx=warn"

            [database]
            url = "{database}"
            max_connections = 8

            [redis]
            url = "{redis}"

            [context]
            trusted_keys = ["{edge_public}", "{identity_public}"]

            [upstreams]
            identity = "http://127.0.0.1:{identity}"
            tenancy_admin = "http://127.0.0.1:{tenancy}"
            conversation = "http://127.0.0.1:{conversation}"
            channel_connector = "http://127.0.0.1:{channel}"
            realtime_broadcast = "http://127.0.0.1:{realtime}"
            mail_ticket = "http://127.0.0.1:{mail}"

            [standalone]
            data_dir = "{data}"

            [identity]
            pepper = "{key}"
            encryption_keys = "k1:{key}"

            [identity.service_secrets]
            {service_secrets}

            [tenancy]
            encryption_keys = "k1:{key}"

            [conversation]
            guest_token_key = "{key}"

            [channel]
            encryption_keys = "k1:{key}"
            meta_app_secret = "{META_SECRET}"
            meta_verify_token = "verify-me"
            graph_base_url = "{graph}"
            telegram_base_url = "{telegram}"
            public_url = "http://127.0.0.1:{http}"
            provider_timeout_seconds = 2
            lease_seconds = 3

            [realtime]
            encryption_keys = "k1:{key}"

            [mail]
            encryption_keys = "k1:{key}"
            "#,
            http = port("http"),
            database = self.database_url,
            identity = port("identity"),
            tenancy = port("tenancy-admin"),
            conversation = port("conversation"),
            channel = port("channel-connector"),
            realtime = port("realtime-broadcast"),
            mail = port("mail-ticket"),
            data = self.folder.join("data").display(),
            graph = self.graph.base_url(),
            telegram = self.telegram.base_url(),
        );
        let more = more.replace("{folder}", &self.folder.display().to_string());
        fs::write(self.settings_file(), settings + &more).unwrap();
        fs::write(self.folder.join("edge.key"), edge_key.expose()).unwrap();
        fs::write(self.folder.join("identity.key"), identity_key.expose()).unwrap();
    }
}
