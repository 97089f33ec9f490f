//! Whether a company exists and may have a channel, as its owner says.

use std::time::Duration;

use auth::{Caller, CompanyId, ServiceTokens};
use chassis::Upstream;
use proto::tenancy::v1::{
    Company, GetCompanyRequest, company_service_client::CompanyServiceClient,
};
use tonic::Code;

use crate::{
    channels::ChannelType,
    error::{Error, Result},
};

const TIMEOUT: Duration = Duration::from_secs(5);

/// The companies, which tenancy-admin owns.
#[derive(Clone)]
pub(crate) struct Companies {
    pub(crate) owner: Upstream,
    pub(crate) tokens: ServiceTokens,
}

impl Companies {
    /// Refuses `field` when the company is none of the caller's, does not exist or has no
    /// access to channels of a kind. Somebody confined to a company works for it, so it
    /// exists, and nobody needs to be asked about kinds that every company has.
    pub(crate) async fn check(
        &self,
        caller: &Caller,
        company: CompanyId,
        kind: ChannelType,
        field: &'static str,
    ) -> Result<()> {
        let unknown = || Error::field(field, "NOT_REGISTERED", "no such company");
        if !caller.scope().contains(company) {
            return Err(unknown());
        }
        let granted = access(kind);
        if granted.is_none() && caller.scope().confine().is_some() {
            return Ok(());
        }
        let known = self.find(company).await?.ok_or_else(unknown)?;
        if granted.is_some_and(|granted| !granted(&known)) {
            let description = "the company has no access to such channels";
            return Err(Error::field(field, "NO_ACCESS", description));
        }
        Ok(())
    }

    async fn find(&self, company: CompanyId) -> Result<Option<Company>> {
        let away = |_| Error::Away("tenancy-admin");
        let call = self.tokens.call(TIMEOUT).await.map_err(away)?;
        let request = GetCompanyRequest {
            company_id: company.0,
        };
        let answer = CompanyServiceClient::new(self.owner.clone())
            .get_company(call.request(request))
            .await;
        match answer {
            Ok(found) => Ok(found.into_inner().company),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) if status.code() == Code::InvalidArgument => Ok(None),
            Err(status) => {
                tracing::warn!(code = ?status.code(), "tenancy-admin does not say whether a company exists");
                Err(Error::Away("tenancy-admin"))
            }
        }
    }
}

/// What says whether a company has channels of a kind; nothing for kinds that every
/// company has.
fn access(kind: ChannelType) -> Option<fn(&Company) -> bool> {
    match kind {
        ChannelType::Telegram => Some(|company| company.telegram_access),
        ChannelType::Messenger | ChannelType::Instagram => Some(|company| company.messenger_access),
        ChannelType::Whatsapp | ChannelType::Whatsappfb | ChannelType::Webchat => None,
    }
}
