//! Whether a company exists, as its owner says.

use std::time::Duration;

use auth::{Caller, CompanyId, ServiceTokens};
use chassis::Upstream;
use proto::tenancy::v1::{GetCompanyRequest, company_service_client::CompanyServiceClient};
use tonic::Code;

use crate::error::{Error, Result};

const TIMEOUT: Duration = Duration::from_secs(5);

/// The companies, which tenancy-admin owns.
#[derive(Clone)]
pub(crate) struct Companies {
    pub(crate) owner: Upstream,
    pub(crate) tokens: ServiceTokens,
}

impl Companies {
    /// Refuses `field` when the company is none of the caller's or does not exist. Somebody
    /// confined to a company works for it, so it exists and nobody needs to be asked.
    pub(crate) async fn check(
        &self,
        caller: &Caller,
        company: CompanyId,
        field: &'static str,
    ) -> Result<()> {
        let unknown = || Error::field(field, "NOT_REGISTERED", "no such company");
        if !caller.scope().contains(company) {
            return Err(unknown());
        }
        if caller.scope().confine().is_some() {
            return Ok(());
        }
        let away = |_| Error::Away("tenancy-admin");
        let call = self.tokens.call(TIMEOUT).await.map_err(away)?;
        let request = GetCompanyRequest {
            company_id: company.0,
        };
        let answer = CompanyServiceClient::new(self.owner.clone())
            .get_company(call.request(request))
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(status) if status.code() == Code::NotFound => Err(unknown()),
            Err(status) if status.code() == Code::InvalidArgument => Err(unknown()),
            Err(status) => {
                tracing::warn!(code = ?status.code(), "tenancy-admin does not say whether a company exists");
                Err(Error::Away("tenancy-admin"))
            }
        }
    }
}
